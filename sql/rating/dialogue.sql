SELECT payload FROM stage_rows WHERE stage = 'verified_dialogues' AND state = 'accepted' AND dialogue_id = $id
