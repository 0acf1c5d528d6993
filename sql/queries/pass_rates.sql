-- Of each run of a domain that decided enough dialogues to go by, oldest first.
SELECT run_id, count(*) AS decided, count(*) FILTER (state = 'accepted') / count(*) AS pass_rate
FROM outcome_log
WHERE state IN ('accepted', 'rejected')
GROUP BY run_id
HAVING count(*) >= $enough
ORDER BY max(finished_at), run_id
