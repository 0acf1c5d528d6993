SELECT dialogue_id, state, check_id, reason, payload FROM stage_rows WHERE stage = $stage ORDER BY dialogue_id
