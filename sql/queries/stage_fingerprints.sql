SELECT dialogue_id, fingerprint, state, check_id FROM stage_rows WHERE stage = $stage
