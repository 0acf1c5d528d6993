-- Figures of all experiments over all domains, arms in their order.
SELECT experiment, arm, position, label, metric, value
FROM experiment_results
WHERE domain IS NULL
ORDER BY experiment, position, arm, metric
