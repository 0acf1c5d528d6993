-- Share of the dialogues a check looked at to which it did not object; a check that found nothing in a domain looked all
-- the same.
WITH every AS (
    SELECT DISTINCT r.domain, c.check_id, c.stage, r.dialogues
    FROM measuring.checks AS c JOIN measuring.reached AS r ON r.stage = c.stage
),
looked AS (
    SELECT e.domain, e.check_id, coalesce(c.objected_to, 0) AS objected_to,
           CASE WHEN starts_with(e.check_id, 'expert.') THEN coalesce(c.looked_at, 0) ELSE e.dialogues END AS looked_at
    FROM every AS e LEFT JOIN measuring.checks AS c USING (domain, check_id, stage)
)
SELECT domain, false AS accepted, 'check_pass_rate' AS metric, check_id AS part,
       1 - sum(objected_to) / sum(looked_at) AS value, sum(looked_at)::BIGINT AS count
FROM looked
GROUP BY GROUPING SETS ((domain, check_id), (check_id))
HAVING sum(looked_at) > 0
