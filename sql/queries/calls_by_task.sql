SELECT task, count(*) AS calls
FROM model_calls
GROUP BY task
ORDER BY task
