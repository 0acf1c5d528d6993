-- By Dagster run.
SELECT run_id,
       count(*) AS calls,
       count(*) FILTER (free) AS free,
       count(*) FILTER (cost IS NULL) AS unpriced,
       coalesce(sum(prompt_tokens), 0)::BIGINT AS prompt_tokens,
       coalesce(sum(completion_tokens), 0)::BIGINT AS completion_tokens,
       coalesce(sum(cost), 0.0) AS cost
FROM call_costs
GROUP BY ALL
ORDER BY ALL
