-- Before an experiment's arms are measured: their figures, those of arms it has no more, and what compares all arms.
DELETE FROM experiment_results
WHERE experiment = $experiment
  AND (arm IN (SELECT unnest($arms::VARCHAR[]))
       OR arm NOT IN (SELECT unnest($all::VARCHAR[]))
       OR metric LIKE 'convergence_point.%')
