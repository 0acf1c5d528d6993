DELETE FROM past_rows
WHERE (stage, dialogue_id, replaced_at) IN (
    SELECT (unnest($stage::VARCHAR[]), unnest($dialogue_id::VARCHAR[]), unnest($replaced_at::TIMESTAMP[]))
)
