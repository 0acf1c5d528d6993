SELECT check_id, severity, turn_id, path, evidence, message FROM findings WHERE dialogue_id = $id ORDER BY position
