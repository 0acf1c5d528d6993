-- Like lookup, and with what was stored after those calls: a stage that is run again asks in about the same order.
WITH asked AS (SELECT unnest($keys::VARCHAR[]) AS key),
last_place AS (SELECT max(rowid) AS place FROM model_calls WHERE key IN (SELECT key FROM asked)),
wanted AS (
    SELECT key FROM asked
    UNION
    SELECT key FROM model_calls, last_place WHERE usable AND model_calls.rowid BETWEEN place + 1 AND place + 1000
)
SELECT key, response, created_at
FROM model_calls
WHERE usable AND key IN (SELECT key FROM wanted)
UNION ALL
SELECT key, response, created_at
FROM borrowed_calls
WHERE usable AND key IN (SELECT key FROM wanted)
ORDER BY created_at
