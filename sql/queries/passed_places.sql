SELECT dialogue_id, slot, attempt, content_hash
FROM stage_rows
WHERE stage = $stage AND state IN ('passed', 'accepted')
ORDER BY slot, attempt
