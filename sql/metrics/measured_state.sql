-- Which state of the home was measured last, and over how large a sample.
SELECT run_id, stages, content, sample FROM metrics
WHERE domain IS NULL AND metric <> $kept
ORDER BY measured_at DESC LIMIT 1
