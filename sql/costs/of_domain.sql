-- Of the whole domain, over all runs.
SELECT count(*) AS calls,
       count(*) FILTER (free) AS free,
       count(*) FILTER (cost IS NULL) AS unpriced,
       coalesce(sum(prompt_tokens), 0)::BIGINT AS prompt_tokens,
       coalesce(sum(completion_tokens), 0)::BIGINT AS completion_tokens,
       coalesce(sum(cost), 0.0) AS cost
FROM call_costs
