SELECT stage, count(*) AS calls,
       coalesce(sum(prompt_tokens), 0)::BIGINT AS prompt_tokens,
       coalesce(sum(completion_tokens), 0)::BIGINT AS completion_tokens
FROM model_calls
GROUP BY stage
