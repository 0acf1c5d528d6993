-- What one run paid for one stage, and what it had for nothing.
SELECT count(*) AS calls,
       (SELECT count(*) FROM call_uses WHERE stage = $stage AND run_id = $run_id AND cached) AS cached_calls,
       coalesce(sum(prompt_tokens), 0)::BIGINT AS prompt_tokens,
       coalesce(sum(completion_tokens), 0)::BIGINT AS completion_tokens
FROM call_costs
WHERE stage = $stage AND run_id = $run_id
