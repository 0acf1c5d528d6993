SELECT c.key, c.stage, c.task, c.role, c.domain, c.model, c.endpoint, t.response, c.finish_reason,
       c.prompt_tokens, c.cached_tokens, c.completion_tokens, c.reasoning_tokens, c.latency_ms, c.retries,
       c.run_id, c.created_at
FROM json_each(:keys) AS wanted
JOIN calls AS c ON c.key = wanted.value
JOIN texts AS t ON t.id = c.id
