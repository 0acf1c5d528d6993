-- Which requests have a usable response, and which have replies that could not be used: the first 16 digits of their
-- keys as numbers, sorted.
WITH beginnings AS (
    SELECT TRY_CAST('0x' || left(key, 16) AS UBIGINT) AS beginning, usable FROM model_calls
    UNION ALL
    SELECT TRY_CAST('0x' || left(key, 16) AS UBIGINT), usable FROM borrowed_calls
)
SELECT
    list(beginning ORDER BY beginning) FILTER (usable) AS beginnings,
    list(beginning ORDER BY beginning) FILTER (NOT usable) AS unusable
FROM beginnings
WHERE beginning IS NOT NULL
