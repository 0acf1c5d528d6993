-- Before an experiment's arms are measured: their figures, those of arms it has no more, and what compares all arms;
-- of arms whose variety is measured anew, that.
DELETE FROM experiment_results
WHERE experiment = $experiment
  AND (arm IN (SELECT unnest($arms::VARCHAR[]))
       OR arm NOT IN (SELECT unnest($all::VARCHAR[]))
       OR metric LIKE 'convergence_point.%'
       OR (arm IN (SELECT unnest($varied::VARCHAR[])) AND metric IN (SELECT unnest($variety::VARCHAR[]))))
