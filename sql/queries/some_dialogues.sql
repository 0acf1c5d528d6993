SELECT dialogue_id FROM outcomes ORDER BY dialogue_id LIMIT 2000
