SELECT stage, task, count(*) AS calls
FROM model_calls
GROUP BY stage, task
ORDER BY stage, task
