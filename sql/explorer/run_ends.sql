SELECT run_id, domain, finished_at, accepted, rejected, failed
FROM memory.main.run_ends
WHERE $domain IS NULL OR domain = $domain
ORDER BY finished_at, domain
