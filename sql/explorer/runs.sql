SELECT run_id, domain, finished_at, count(*) AS dialogues
FROM memory.main.catalogue
WHERE run_id IS NOT NULL
GROUP BY run_id, domain, finished_at
ORDER BY finished_at DESC, domain
LIMIT 200
