SELECT DISTINCT dialogue_id FROM stage_rows ORDER BY dialogue_id LIMIT 2000
