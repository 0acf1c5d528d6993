SELECT DISTINCT dialogue_id FROM stage_rows WHERE starts_with(dialogue_id, $prefix) ORDER BY dialogue_id LIMIT 20
