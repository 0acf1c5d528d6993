-- Why dialogues went no further than a stage, wherever the defect came from.
SELECT sum(dialogues)::BIGINT AS dialogues, state, check_id, min(example) AS example
FROM failure_reasons
WHERE stage = $stage
GROUP BY state, check_id
ORDER BY dialogues DESC, check_id, state
