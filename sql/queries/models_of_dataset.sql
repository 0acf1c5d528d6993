SELECT DISTINCT c.model
FROM all_calls c
WHERE c.call_id IN (
    SELECT u.call_id FROM call_uses u
    JOIN stage_rows v ON v.dialogue_id = u.dialogue_id AND v.stage = 'verified_dialogues'
)
ORDER BY c.model
