-- How much of the pool's tools and parameters is used, and how varied the values are that parameters are given.
WITH readings AS (
    SELECT domain, tool, parameter, value, false AS accepted, attempted AS times FROM measuring.given WHERE attempted > 0
    UNION ALL
    SELECT domain, tool, parameter, value, true, accepted FROM measuring.given WHERE accepted > 0
),
used AS (
    SELECT domain, accepted, tool, parameter, sum(times) AS times, count(DISTINCT value) AS different
    FROM readings GROUP BY domain, accepted, tool, parameter
),
each AS (
    SELECT d.domain, a.accepted, d.tool, d.parameter, coalesce(u.times, 0) AS times, coalesce(u.different, 0) AS different
    FROM measuring.declared AS d CROSS JOIN (VALUES (false), (true)) AS a(accepted)
    LEFT JOIN used AS u ON u.domain = d.domain AND u.accepted = a.accepted AND u.tool = d.tool
        AND u.parameter IS NOT DISTINCT FROM d.parameter
    WHERE a.accepted IN (SELECT accepted FROM measuring.dialogues)
),
summed AS (
    SELECT domain, accepted,
           count(*) FILTER (parameter IS NULL) AS tools, count(*) FILTER (parameter IS NULL AND times > 0) AS tools_used,
           count(parameter) AS parameters, count(parameter) FILTER (times > 0) AS parameters_used,
           avg(different / times) FILTER (parameter IS NOT NULL AND times > 1) AS diversity,
           count(parameter) FILTER (times > 1) AS varied
    FROM each GROUP BY GROUPING SETS ((domain, accepted), (accepted))
)
SELECT domain, accepted, unnest([
    {metric: 'tool_coverage', part: NULL::VARCHAR, value: (tools_used / nullif(tools, 0))::DOUBLE, count: tools::BIGINT},
    {metric: 'parameter_coverage', part: NULL, value: parameters_used / nullif(parameters, 0), count: parameters},
    {metric: 'value_diversity', part: NULL, value: diversity, count: varied}
], recursive := true)
FROM summed
UNION ALL
SELECT domain, accepted, 'value_diversity', tool || '.' || parameter, different / times, times::BIGINT
FROM each WHERE parameter IS NOT NULL AND times > 1
