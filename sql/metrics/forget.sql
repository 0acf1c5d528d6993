-- A home that is measured again though no run changed it keeps one measurement.
DELETE FROM metrics
WHERE measured_at IN (SELECT measured_at FROM metrics WHERE domain IS NULL AND run_id = $run_id)
