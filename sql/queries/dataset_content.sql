SELECT dialogue_id, content_hash, fingerprint FROM stage_rows WHERE stage = 'verified_dialogues' ORDER BY dialogue_id
