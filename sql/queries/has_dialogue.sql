SELECT dialogue_id FROM stage_rows WHERE dialogue_id = $id LIMIT 1
