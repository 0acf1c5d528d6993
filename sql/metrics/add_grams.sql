-- N-grams never cross the end of a turn.
INSERT INTO chunk_grams
WITH hashed AS (
    SELECT row, list_transform(tokens, lambda t: hash(t)) AS t FROM turns WHERE len(tokens) > 0
),
runs AS (
    SELECT row, unnest(list_zip(t, t[2:], t[3:])) AS run FROM hashed
),
grams AS (
    SELECT row, unnest([1, 2, 3])::UTINYINT AS n,
           unnest([run[1], CASE WHEN run[2] IS NOT NULL THEN hash(run[1], run[2]) END,
                   CASE WHEN run[3] IS NOT NULL THEN hash(run[1], run[2], run[3]) END]) AS gram
    FROM runs
)
SELECT n, gram, count(*) FILTER (r.attempted) AS attempted, count(*) FILTER (r.accepted) AS accepted
FROM grams JOIN readings AS r USING (row)
WHERE gram IS NOT NULL
GROUP BY n, gram
