-- The calls behind a dialogue, whoever paid for them; a call that was tried again has several rows.
SELECT c.call_id, c.stage, c.task, c.role, c.model, c.endpoint, c.round, c.turn_ids, c.prompt_tokens, c.completion_tokens,
       c.latency_ms, c.retries, c.error_kind, c.error_message, c.mode, c.cost, c.created_at,
       c.endpoint = 'offline' AS free, c.dialogue_id = $id AND NOT c.borrowed AS own
FROM all_calls AS c
WHERE c.call_id IN (SELECT call_id FROM call_uses WHERE dialogue_id = $id)
ORDER BY c.created_at, c.call_id
