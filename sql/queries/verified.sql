SELECT dialogue_id, dialogue FROM verified_dialogues ORDER BY dialogue_id
