SELECT dialogue_id, payload
FROM stage_rows
WHERE stage = $stage AND state IN ('passed', 'accepted')
ORDER BY slot, attempt
