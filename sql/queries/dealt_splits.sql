SELECT dialogue_id, split FROM dealt_splits WHERE deal = $deal ORDER BY age
