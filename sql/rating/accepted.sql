-- Accepted dialogues of a domain with hashes of their task and of what is said in them, whoever wrote it.
SELECT v.dialogue_id, t.content_hash AS task,
       md5(regexp_replace((v.payload -> '$.turns')::VARCHAR, '"origin":\{[^{}]*\}', '', 'g')) AS content
FROM stage_rows AS v
JOIN stage_rows AS t ON t.dialogue_id = v.dialogue_id AND t.stage = 'task_specs'
WHERE v.stage = 'verified_dialogues' AND v.state = 'accepted'
