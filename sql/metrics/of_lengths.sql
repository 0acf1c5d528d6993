-- How many dialogues have so many user turns, and so many steps; and the share that holds each kind of injection.
WITH sizes AS (
    SELECT domain, accepted, count(*) AS dialogues FROM measuring.dialogues
    GROUP BY GROUPING SETS ((domain, accepted), (accepted))
),
numbers AS (
    SELECT domain, accepted, 'dialogues_by_user_turns' AS metric, user_turns::VARCHAR AS part FROM measuring.dialogues
    UNION ALL
    SELECT domain, accepted, 'dialogues_by_steps', steps::VARCHAR FROM measuring.dialogues
    UNION ALL
    SELECT domain, accepted, 'injection_share', unnest(injections) FROM measuring.dialogues
),
counted AS (
    SELECT domain, accepted, metric, part, count(*) AS n FROM numbers
    GROUP BY GROUPING SETS ((domain, accepted, metric, part), (accepted, metric, part))
)
SELECT c.domain, c.accepted, metric, part,
       (CASE WHEN metric = 'injection_share' THEN n / dialogues ELSE n END)::DOUBLE AS value, dialogues::BIGINT AS count
FROM counted AS c
JOIN sizes AS s ON s.accepted = c.accepted AND s.domain IS NOT DISTINCT FROM c.domain
ORDER BY metric, TRY_CAST(part AS INTEGER), part
