INSERT INTO calls (key, stage, task, role, domain, model, endpoint, finish_reason, prompt_tokens, cached_tokens,
                   completion_tokens, reasoning_tokens, latency_ms, retries, run_id, created_at, last_used, size)
VALUES (:key, :stage, :task, :role, :domain, :model, :endpoint, :finish_reason, :prompt_tokens, :cached_tokens,
        :completion_tokens, :reasoning_tokens, :latency_ms, :retries, :run_id, :created_at, :created_at, :size)
ON CONFLICT (key) DO UPDATE SET
    stage = excluded.stage, task = excluded.task, role = excluded.role, domain = excluded.domain,
    endpoint = excluded.endpoint, finish_reason = excluded.finish_reason, prompt_tokens = excluded.prompt_tokens,
    cached_tokens = excluded.cached_tokens, completion_tokens = excluded.completion_tokens,
    reasoning_tokens = excluded.reasoning_tokens, latency_ms = excluded.latency_ms, retries = excluded.retries,
    run_id = excluded.run_id, created_at = excluded.created_at, last_used = excluded.last_used, size = excluded.size
WHERE excluded.created_at > calls.created_at
