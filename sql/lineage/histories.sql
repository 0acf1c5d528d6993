-- Task spec and first version of some dialogues, skeleton or simulated: what their histories begin with.
SELECT s.dialogue_id, s.stage, t.payload AS spec, s.payload AS beginning
FROM stage_rows AS s
JOIN stage_rows AS t ON t.dialogue_id = s.dialogue_id AND t.stage = 'task_specs'
WHERE s.stage IN ('skeletons', 'simulated_dialogues') AND s.state = 'passed' AND s.dialogue_id IN (SELECT unnest($ids::VARCHAR[]))
