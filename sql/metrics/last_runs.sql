SELECT run_id, max(finished_at) AS finished_at FROM stage_runs GROUP BY run_id ORDER BY finished_at DESC LIMIT 1
