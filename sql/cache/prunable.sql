SELECT id, size, last_used
FROM calls
WHERE (:model IS NULL OR model = :model)
  AND (:created_before IS NULL OR julianday(created_at) < julianday(:created_before))
  AND (:used_before IS NULL OR julianday(last_used) < julianday(:used_before))
