-- Which requests have a usable response: the first 16 digits of their keys as numbers, sorted.
SELECT TRY_CAST('0x' || left(key, 16) AS UBIGINT) AS beginning
FROM (FROM model_calls SELECT key WHERE usable UNION ALL FROM borrowed_calls SELECT key WHERE usable)
WHERE beginning IS NOT NULL
ORDER BY beginning
