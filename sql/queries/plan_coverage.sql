-- How often each tool of the domain is needed by a plan, the rarest first, and its optional parameters in use.
WITH uses AS (SELECT unnest(tools) AS name, dialogue_id FROM task_plans),
     chosen AS (SELECT options, unnest(json_keys(options)) AS name FROM task_plans)
SELECT t.name,
       (SELECT count(DISTINCT u.dialogue_id) FROM uses u WHERE u.name = t.name) AS dialogues,
       (SELECT count(DISTINCT json_extract_string(c.options, '$."' || c.name || '"')) FROM chosen c
        WHERE c.name = t.name) AS options_used
FROM domain_tools t
WHERE t.is_current
ORDER BY dialogues, t.name
