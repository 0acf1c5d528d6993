-- Prompts and replies that are kept, one row a call, with what tells whether anybody needs them still. It spans the
-- tables of calls and of rows. A call is in use while a current row of a stage, edit or expert names it.
CREATE OR REPLACE VIEW stored_texts AS
WITH current_calls AS (
    SELECT unnest(call_ids) AS call_id FROM stage_rows
    UNION SELECT call_id FROM stage_rows WHERE call_id IS NOT NULL
    UNION SELECT unnest(call_ids) FROM edits
    UNION SELECT call_id FROM expert_answers WHERE call_id IS NOT NULL
),
last_uses AS (
    SELECT u.call_id, max(r.finished_at) AS used
    FROM (SELECT DISTINCT call_id, run_id, stage FROM call_uses) AS u
    JOIN stage_runs AS r ON r.run_id = u.run_id AND r.stage = u.stage
    GROUP BY u.call_id
)
SELECT c.call_id, c.stage, c.domain, c.model, c.created_at,
       TRY_CAST(c.created_at AS TIMESTAMP) AS created,
       greatest(TRY_CAST(c.created_at AS TIMESTAMP), l.used) AS last_used,
       coalesce(strlen(c.response), 0) + strlen(c.messages) AS size,
       c.call_id IN (SELECT call_id FROM current_calls) AS in_use
FROM all_calls AS c
LEFT JOIN last_uses AS l ON l.call_id = c.call_id
WHERE c.response IS NOT NULL OR c.messages <> '[]';
