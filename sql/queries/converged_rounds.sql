SELECT (SELECT count(*) FROM outcomes) AS attempted,
       count(*) AS rounds,
       count(*) FILTER (finished) AS converged
FROM refinement_rounds
