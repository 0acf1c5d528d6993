-- Task spec and skeleton of some dialogues: what their histories begin with.
SELECT s.dialogue_id, t.payload AS spec, s.payload AS skeleton
FROM stage_rows AS s
JOIN stage_rows AS t ON t.dialogue_id = s.dialogue_id AND t.stage = 'task_specs'
WHERE s.stage = 'skeletons' AND s.state = 'passed' AND s.dialogue_id IN (SELECT unnest($ids::VARCHAR[]))
