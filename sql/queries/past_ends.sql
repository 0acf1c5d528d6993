-- How dialogues ended that a run has dropped, and which run that was.
SELECT dialogue_id, stage, state, check_id, reason, replaced_by, replaced_at
FROM past_rows
WHERE starts_with(dialogue_id, $prefix) AND stage <> 'verified_dialogues'
QUALIFY row_number() OVER (PARTITION BY dialogue_id ORDER BY stage_index DESC, replaced_at DESC) = 1
ORDER BY dialogue_id
LIMIT 20
