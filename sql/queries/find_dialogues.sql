SELECT dialogue_id FROM outcomes WHERE starts_with(dialogue_id, $prefix) ORDER BY dialogue_id LIMIT 20
