-- What each filter can be set to, and how many dialogues of all it leaves.
SELECT 'domain' AS filter, domain AS value, count(*) AS dialogues FROM memory.main.catalogue GROUP BY value
UNION ALL SELECT 'state', state, count(*) FROM memory.main.catalogue GROUP BY state
UNION ALL SELECT 'stage', stage, count(*) FROM memory.main.catalogue GROUP BY stage
UNION ALL SELECT 'check', check_id, count(*) FROM memory.main.catalogue WHERE check_id IS NOT NULL GROUP BY check_id
UNION ALL SELECT 'cause', cause_stage, count(*) FROM memory.main.catalogue WHERE cause_stage IS NOT NULL GROUP BY cause_stage
UNION ALL SELECT 'finding', value, count(*) FROM (SELECT unnest(checks) AS value FROM memory.main.catalogue) GROUP BY value
UNION ALL SELECT 'injection', value, count(*) FROM (SELECT unnest(injections) AS value FROM memory.main.catalogue) GROUP BY value
ORDER BY filter, value
