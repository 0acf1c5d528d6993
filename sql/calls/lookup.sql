SELECT key, response FROM model_calls WHERE usable AND key IN (SELECT unnest($keys::VARCHAR[]))
