-- Stages that dialogues have a row in, and the run that made it.
SELECT dialogue_id, stage, run_id FROM stage_rows WHERE stage <> 'verified_dialogues'
