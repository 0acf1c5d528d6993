-- What the calls behind the rows of an arm used, by stage, whoever paid for them and whenever; each call counts once.
WITH asked AS (
    SELECT stage, stage_index, unnest(call_ids) AS call_id FROM stage_rows
),
first_use AS (
    SELECT call_id, arg_min(stage, stage_index) AS stage FROM asked GROUP BY call_id
)
SELECT u.stage, count(*) AS calls, sum(c.prompt_tokens + c.completion_tokens) AS tokens
FROM first_use AS u
JOIN all_calls AS c ON c.call_id = u.call_id
GROUP BY u.stage
ORDER BY u.stage
