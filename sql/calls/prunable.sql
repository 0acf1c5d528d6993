SELECT call_id, created_at, size, in_use, CAST(last_used AS VARCHAR) AS last_used
FROM stored_texts
WHERE ($model::VARCHAR IS NULL OR model = $model)
  AND ($created_before::TIMESTAMP IS NULL OR created < $created_before)
  AND ($used_before::TIMESTAMP IS NULL OR last_used < $used_before)
