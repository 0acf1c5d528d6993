-- What the last run of a domain changed: each end it came to beside the end that the dialogue had before.
WITH last_run AS (
    SELECT run_id, max(finished_at) AS finished_at FROM stage_runs GROUP BY run_id ORDER BY finished_at DESC LIMIT 1
),
ends AS (
    SELECT o.*, o.run_id = l.run_id AS is_new
    FROM outcome_log AS o, last_run AS l
    WHERE o.stage <> 'verified_dialogues'
),
latest AS (
    SELECT dialogue_id, is_new, state, stage, check_id, reason
    FROM ends
    QUALIFY row_number() OVER (PARTITION BY dialogue_id, is_new ORDER BY finished_at DESC, stage_index DESC) = 1
)
SELECT l.run_id, l.finished_at, n.dialogue_id,
       b.state AS state_before, b.check_id AS check_before,
       n.state AS state_now, n.check_id AS check_now, n.stage, n.reason,
       CASE WHEN b.state IS NULL THEN 'first end'
            WHEN b.state <> 'accepted' AND n.state = 'accepted' THEN 'mended'
            WHEN b.state = 'accepted' AND n.state <> 'accepted' THEN 'broken'
            WHEN b.state = n.state AND b.check_id IS NOT DISTINCT FROM n.check_id THEN 'the same'
            ELSE 'another reason' END AS change
FROM last_run AS l
LEFT JOIN latest AS n ON n.is_new
LEFT JOIN latest AS b ON b.dialogue_id = n.dialogue_id AND NOT b.is_new
ORDER BY change, n.dialogue_id
