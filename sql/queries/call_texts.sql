-- One call with its prompt and reply; both are empty once they were pruned.
SELECT * FROM all_calls WHERE call_id = $call ORDER BY created_at
