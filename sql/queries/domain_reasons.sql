SELECT stage, state, coalesce(check_id, 'call') AS check_id, count(*) AS dialogues, min(dialogue_id) AS example
FROM outcomes
WHERE state IN ('rejected', 'failed')
GROUP BY ALL
ORDER BY dialogues DESC, check_id
