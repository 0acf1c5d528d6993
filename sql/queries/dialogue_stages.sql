SELECT stage, stage_index, state, check_id, turn_id, evidence, reason, call_id, call_ids, payload, run_id
FROM stage_rows
WHERE dialogue_id = $id AND stage <> 'verified_dialogues'
ORDER BY stage_index
