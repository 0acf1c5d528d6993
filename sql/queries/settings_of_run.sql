-- The settings of a run, the same at each of its stages.
SELECT settings FROM stage_runs WHERE run_id = $run_id LIMIT 1
