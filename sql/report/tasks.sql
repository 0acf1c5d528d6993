-- The task of each dialogue, by its content.
SELECT dialogue_id, content_hash AS task FROM stage_rows
WHERE stage = 'task_specs' AND content_hash IS NOT NULL
