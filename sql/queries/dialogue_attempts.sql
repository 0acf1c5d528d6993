-- All attempts at the slot of a dialogue, its own among them, with the end that each has come to.
SELECT dialogue_id, attempt, arg_max(state, stage_index) AS state
FROM stage_rows
WHERE stage <> 'verified_dialogues' AND slot = $slot
GROUP BY dialogue_id, attempt
ORDER BY attempt, dialogue_id
