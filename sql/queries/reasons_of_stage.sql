SELECT state, check_id, dialogues, example, example_reason
FROM failure_reasons
WHERE stage = $stage
ORDER BY dialogues DESC, check_id
