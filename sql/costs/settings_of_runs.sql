-- With which settings runs made rows.
SELECT DISTINCT run_id, settings FROM stage_runs
