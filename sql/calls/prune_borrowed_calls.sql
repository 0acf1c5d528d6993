UPDATE borrowed_calls SET messages = '[]', response = NULL, usable = false
WHERE (call_id, created_at) IN (SELECT unnest($call_ids::VARCHAR[]), unnest($times::VARCHAR[]))
