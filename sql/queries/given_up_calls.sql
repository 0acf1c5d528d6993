-- Calls of rows that failed by a reply of no use, and when that was last told: whoever has such a row made again wants
-- them to be tried again. Times are in UTC.
WITH failed AS (
    SELECT run_id, stage, dialogue_id, check_id, call_id, call_ids FROM stage_rows WHERE state = 'failed'
    UNION ALL
    SELECT run_id, stage, dialogue_id, check_id, call_id, call_ids FROM past_rows WHERE state = 'failed'
),
named AS (
    SELECT run_id, stage, dialogue_id, unnest(list_append(call_ids, call_id)) AS call_id
    FROM failed
    WHERE list_contains($checks::VARCHAR[], check_id)
)
SELECT n.call_id, max(o.finished_at) AS told_at
FROM named AS n
JOIN outcome_log AS o USING (run_id, stage, dialogue_id)
WHERE n.call_id IS NOT NULL
GROUP BY n.call_id
