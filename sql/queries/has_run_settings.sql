SELECT run_id FROM run_settings WHERE run_id = $run_id LIMIT 1
