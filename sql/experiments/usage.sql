-- What the calls behind the rows of an arm used, by stage, whoever paid for them and whenever; each call counts once. A call
-- that only met faults cost nothing; `unpriced` counts those whose price is not known.
WITH asked AS (
    SELECT stage, stage_index, unnest(call_ids) AS call_id FROM stage_rows
),
first_use AS (
    SELECT call_id, arg_min(stage, stage_index) AS stage FROM asked GROUP BY call_id
),
priced AS (
    SELECT call_id, prompt_tokens, cached_tokens, completion_tokens, cost FROM call_costs
    UNION ALL
    SELECT call_id, prompt_tokens, cached_tokens, completion_tokens, 0.0
    FROM model_calls WHERE call_id NOT IN (SELECT call_id FROM call_costs)
    UNION ALL
    SELECT call_id, prompt_tokens, cached_tokens, completion_tokens, CASE WHEN endpoint = 'offline' THEN 0.0 END
    FROM borrowed_calls
)
SELECT u.stage, count(*) AS calls, sum(p.prompt_tokens + p.completion_tokens)::BIGINT AS tokens,
       sum(p.cached_tokens)::BIGINT AS cached, sum(p.completion_tokens)::BIGINT AS replies,
       coalesce(sum(p.cost), 0) AS cost, count(*) FILTER (p.cost IS NULL) AS unpriced
FROM first_use AS u
JOIN priced AS p ON p.call_id = u.call_id
GROUP BY u.stage
ORDER BY u.stage
