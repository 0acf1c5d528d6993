-- The figures of one experiment, over all domains or by domain.
SELECT arm, position, label, domain, metric, value, models, seed, error_rate
FROM experiment_results
WHERE experiment = $experiment
ORDER BY position, domain NULLS FIRST, metric
