-- What was paid by any columns of call_costs: by stage, by role, by the run or the dialogue that paid (a response it
-- had from the cache costs it nothing), or by model, endpoint, way of calling and price.
SELECT COLUMNS(lambda name: list_contains($parts, name)),
       count(*) AS calls,
       count(*) FILTER (free) AS free,
       count(*) FILTER (cost IS NULL) AS unpriced,
       coalesce(sum(prompt_tokens), 0)::BIGINT AS prompt_tokens,
       coalesce(sum(completion_tokens), 0)::BIGINT AS completion_tokens,
       coalesce(sum(cost), 0.0) AS cost
FROM call_costs
GROUP BY ALL
ORDER BY ALL
