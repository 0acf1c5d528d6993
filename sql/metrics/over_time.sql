-- A figure over all domains in each measurement, oldest first. What is taken over a sample is comparable over one of the same
-- size alone: measurements over another than the last are left out.
WITH taken AS (
    SELECT measured_at, run_id, method, value, count, sample FROM metrics
    WHERE domain IS NULL AND metric = $metric AND over = $over AND part IS NOT DISTINCT FROM $part
)
SELECT measured_at, run_id, method, value, count FROM taken
WHERE NOT $sampled OR sample IS NOT DISTINCT FROM (SELECT arg_max_null(sample, measured_at) FROM taken)
ORDER BY measured_at
