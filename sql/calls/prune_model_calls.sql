-- What was paid stays on the books: only the texts go.
UPDATE model_calls SET messages = '[]', response = NULL, usable = false
WHERE (call_id, created_at) IN (SELECT unnest($call_ids::VARCHAR[]), unnest($times::VARCHAR[]))
