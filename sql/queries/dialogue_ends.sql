-- The ends that a dialogue came to, one for each run that brought it to one, in order.
SELECT run_id, stage, state, check_id, reason, finished_at
FROM outcome_log
WHERE dialogue_id = $id AND stage <> 'verified_dialogues'
QUALIFY row_number() OVER (PARTITION BY run_id ORDER BY stage_index DESC, finished_at DESC) = 1
ORDER BY finished_at
