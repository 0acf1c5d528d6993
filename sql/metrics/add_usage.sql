-- A response that was borrowed from a shared cache took its tokens too, if not here.
INSERT INTO measuring.usage
SELECT $domain, stage, count(*), sum(prompt_tokens), sum(cached_tokens), sum(completion_tokens), sum(cost),
       count(*) FILTER (cost IS NULL)
FROM (
    SELECT stage, prompt_tokens, cached_tokens, completion_tokens, cost FROM call_costs
    UNION ALL
    SELECT stage, prompt_tokens, cached_tokens, completion_tokens,
           CASE WHEN endpoint = 'offline' THEN 0.0 END AS cost
    FROM (SELECT DISTINCT ON (call_id) * FROM borrowed_calls)
    WHERE call_id NOT IN (SELECT call_id FROM call_costs)
)
GROUP BY stage
