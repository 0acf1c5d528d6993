SELECT slot, count(*) AS dialogues
FROM stage_rows
WHERE stage = 'verified_dialogues' AND state = 'accepted'
GROUP BY slot
ORDER BY slot
