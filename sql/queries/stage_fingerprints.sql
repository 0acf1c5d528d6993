SELECT dialogue_id, fingerprint, parts, state, check_id FROM stage_rows WHERE stage = $stage
