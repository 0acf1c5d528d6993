-- Everything spent, rejected dialogues included, for each attempted and for each accepted dialogue; by stage and in all
-- (part null). A cost is left out where some call's is not known. What a method took that the domain was switched from is
-- counted apart, for it is no cost of the dialogues there are.
WITH ends AS (
    SELECT domain, sum(attempted) AS attempted, sum(accepted) AS accepted
    FROM measuring.ends GROUP BY GROUPING SETS ((domain), ())
),
spent AS (
    SELECT domain, stage, sum(calls) AS calls, sum(prompt_tokens) AS prompt_tokens, sum(cached_tokens) AS cached_tokens,
           sum(completion_tokens) AS completion_tokens, CASE WHEN sum(unpriced) = 0 THEN sum(cost) END AS cost
    FROM measuring.usage WHERE former_method IS NULL
    GROUP BY GROUPING SETS ((domain, stage), (domain), (stage), ())
),
each AS (
    SELECT s.*, a.accepted, CASE WHEN a.accepted THEN e.accepted ELSE e.attempted END AS dialogues
    FROM spent AS s
    JOIN ends AS e ON e.domain IS NOT DISTINCT FROM s.domain
    CROSS JOIN (VALUES (false), (true)) AS a(accepted)
),
figures AS (
    SELECT domain, accepted, stage AS part, dialogues::BIGINT AS count, unnest([
        {metric: 'calls', value: calls::DOUBLE},
        {metric: 'prompt_tokens', value: prompt_tokens},
        {metric: 'cached_tokens', value: cached_tokens},
        {metric: 'completion_tokens', value: completion_tokens},
        {metric: 'cost', value: cost}
    ], recursive := true)
    FROM each WHERE dialogues > 0
)
SELECT domain, accepted, metric, part, value / count AS value, count FROM figures
UNION ALL
SELECT domain, false, 'calls_left_out', former_method, sum(calls)::DOUBLE, sum(calls)::BIGINT
FROM measuring.usage WHERE former_method IS NOT NULL
GROUP BY GROUPING SETS ((domain, former_method), (former_method))
