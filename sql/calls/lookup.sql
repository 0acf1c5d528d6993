-- In order of time: where a request was paid twice, its last response is the one in use.
SELECT key, response FROM model_calls WHERE usable AND key IN (SELECT unnest($keys::VARCHAR[])) ORDER BY created_at
