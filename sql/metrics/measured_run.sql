-- The run after which the home was last measured.
SELECT run_id FROM metrics WHERE domain IS NULL ORDER BY measured_at DESC LIMIT 1
