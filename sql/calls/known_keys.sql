-- Which requests have a usable response: the first 16 digits of their keys as numbers, sorted.
WITH beginnings AS (
    SELECT TRY_CAST('0x' || left(key, 16) AS UBIGINT) AS beginning FROM model_calls WHERE usable
    UNION ALL
    SELECT TRY_CAST('0x' || left(key, 16) AS UBIGINT) FROM borrowed_calls WHERE usable
)
SELECT list(beginning ORDER BY beginning) AS beginnings FROM beginnings WHERE beginning IS NOT NULL
