-- A figure over all domains in each measurement, oldest first.
SELECT measured_at, run_id, method, value, count FROM metrics
WHERE domain IS NULL AND metric = $metric AND over = $over AND part IS NOT DISTINCT FROM $part
ORDER BY measured_at
