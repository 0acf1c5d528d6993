-- What the calls behind each row used, whoever paid for them and whenever; tries that gave nothing usable are counted.
-- The role is null where a call is not kept in this file.
WITH asked AS (
    SELECT DISTINCT dialogue_id, stage, unnest(call_ids) AS call_id
    FROM stage_rows
),
tries AS (
    SELECT call_id, any_value(role) AS role, any_value(model) AS model, count(*) AS calls,
           sum(prompt_tokens) AS prompt_tokens, sum(cached_tokens) AS cached_tokens,
           sum(coalesce(cache_write_tokens, 0)) AS cache_write_tokens,
           sum(completion_tokens) AS completion_tokens, sum(reasoning_tokens) AS reasoning_tokens,
           sum(latency_ms) / 1000 AS seconds
    FROM all_calls
    GROUP BY call_id
)
SELECT dialogue_id, stage, role, model,
       sum(calls)::BIGINT AS calls,
       sum(prompt_tokens)::BIGINT AS prompt_tokens,
       sum(cached_tokens)::BIGINT AS cached_tokens,
       sum(cache_write_tokens)::BIGINT AS cache_write_tokens,
       sum(completion_tokens)::BIGINT AS completion_tokens,
       sum(reasoning_tokens)::BIGINT AS reasoning_tokens,
       sum(seconds) AS seconds
FROM asked LEFT JOIN tries USING (call_id)
GROUP BY dialogue_id, stage, role, model
ORDER BY dialogue_id, stage, role, model
