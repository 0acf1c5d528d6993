-- How often shapes and openings come up again.
WITH seen AS (
    SELECT domain, accepted, 'shape' AS kind, shape AS what FROM measuring.dialogues
    UNION ALL
    SELECT domain, accepted, 'opening', opening FROM measuring.dialogues WHERE opening IS NOT NULL
),
sizes AS (
    SELECT domain, accepted, kind, what, count(*) AS n FROM seen
    GROUP BY GROUPING SETS ((domain, accepted, kind, what), (accepted, kind, what))
),
summed AS (
    SELECT domain, accepted, kind, count(*) AS different, sum(n) AS dialogues, sum(n) FILTER (n > 1) AS repeated, max(n) AS largest
    FROM sizes GROUP BY domain, accepted, kind
)
SELECT domain, accepted, unnest([
    {metric: kind || 's', part: NULL::VARCHAR, value: different::DOUBLE, count: dialogues::BIGINT},
    {metric: kind || '_repetition', part: NULL, value: coalesce(repeated, 0) / dialogues, count: dialogues::BIGINT},
    {metric: 'largest_' || kind, part: NULL, value: largest / dialogues, count: dialogues::BIGINT}
], recursive := true)
FROM summed
