SELECT stage, stage_index, domain, state, check_id, turn_id, evidence, reason, call_id, call_ids, payload, fingerprint, run_id
FROM stage_rows
WHERE dialogue_id = $id AND stage <> 'verified_dialogues'
ORDER BY stage_index
