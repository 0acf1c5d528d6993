-- The stage that was brought up to date last, and the settings of that run.
SELECT stage, settings FROM stage_runs ORDER BY finished_at DESC, stage_index DESC LIMIT 1
