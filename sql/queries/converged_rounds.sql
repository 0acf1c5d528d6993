SELECT (SELECT count(*) FROM outcomes) AS attempted,
       count(*) AS rounds,
       count(*) FILTER (converged IS NOT NULL) AS converged
FROM refinement_rounds
