SELECT c.call_id, c.stage, c.task, c.model, c.prompt_tokens, c.completion_tokens, c.retries, c.error_kind, c.error_message,
       c.mode, c.cost, c.endpoint = 'offline' AS free, c.dialogue_id = $id AND NOT c.borrowed AS own
FROM all_calls c
WHERE c.call_id IN (SELECT call_id FROM call_uses WHERE dialogue_id = $id)
ORDER BY c.created_at, c.call_id
