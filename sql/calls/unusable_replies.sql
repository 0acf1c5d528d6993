-- Replies to a request that could not be used, in order of time; faults of the connection came without one.
SELECT response, finish_reason, error_kind, error_message
FROM model_calls
WHERE key = $key AND NOT usable AND mode = 'live' AND list_contains($kinds::VARCHAR[], error_kind)
ORDER BY created_at, rowid
