SELECT dialogue_id, state, content_hash FROM stage_rows WHERE stage = $stage ORDER BY dialogue_id
