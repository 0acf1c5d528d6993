-- In order of time: where a request was paid twice, its last response is the one in use.
SELECT key, response, created_at
FROM model_calls
WHERE usable AND key IN (SELECT unnest($keys::VARCHAR[]))
UNION ALL
SELECT key, response, created_at
FROM borrowed_calls
WHERE usable AND key IN (SELECT unnest($keys::VARCHAR[]))
ORDER BY created_at
