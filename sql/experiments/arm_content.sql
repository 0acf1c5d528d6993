-- What an arm's examination depends on: the rows that were handed to verification, and what became of them.
SELECT stage, dialogue_id, state, content_hash
FROM stage_rows
ORDER BY stage_index, dialogue_id
