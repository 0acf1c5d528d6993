SELECT f.position, f.check_id, f.severity, f.turn_id, f.path, f.evidence, f.message,
       c.how, c.cause_stage, c.cause_round, c.edit_id, c.changed, c.call_ids AS cause_calls, c.replayed, c.sentence
FROM findings AS f
LEFT JOIN first_causes AS c ON c.dialogue_id = f.dialogue_id AND c.stage = f.stage AND c.position = f.position
WHERE f.dialogue_id = $id
ORDER BY f.position
