-- What was paid for a domain over all runs, and what was had for nothing.
SELECT count(*) AS calls,
       (SELECT count(*) FROM call_uses WHERE cached) AS cached_calls,
       coalesce(sum(prompt_tokens), 0)::BIGINT AS prompt_tokens,
       coalesce(sum(completion_tokens), 0)::BIGINT AS completion_tokens
FROM call_costs
