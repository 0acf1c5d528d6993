INSERT INTO memory.main.run_ends BY NAME
SELECT $domain AS domain, run_id, max(finished_at) AS finished_at,
       count(DISTINCT dialogue_id) FILTER (state = 'accepted') AS accepted,
       count(DISTINCT dialogue_id) FILTER (state = 'rejected') AS rejected,
       count(DISTINCT dialogue_id) FILTER (state = 'failed') AS failed
FROM outcome_log
WHERE stage <> 'verified_dialogues'
GROUP BY run_id
