SELECT c.stage, c.attempted, c.accepted, c.rejected, c.failed, s.slots
FROM stage_counts AS c
JOIN (SELECT stage, count(DISTINCT slot) AS slots FROM stage_rows GROUP BY stage) AS s USING (stage)
ORDER BY c.stage_index
