-- Replies to requests that could not be used, in order of time; faults of the connection came without one. Replies whose
-- texts were pruned can't be gone on from.
SELECT key, call_id, created_at, response, finish_reason, error_kind, error_message
FROM model_calls
WHERE key IN (SELECT unnest($keys::VARCHAR[])) AND NOT usable AND mode = 'live' AND messages <> '[]'
  AND list_contains($kinds::VARCHAR[], error_kind)
ORDER BY created_at, rowid
