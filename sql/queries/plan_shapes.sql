-- Sub-tasks by shape: asked for by turns, made in that shape, made in all.
SELECT shape, sum(wanted) AS wanted, sum(kept) AS made_as_wanted, sum(made) AS made
FROM (
    SELECT wanted AS shape, 1 AS wanted, CAST(shape = wanted AS INTEGER) AS kept, 0 AS made FROM task_plans
    UNION ALL
    SELECT shape, 0, 0, 1 FROM task_plans
)
GROUP BY shape
ORDER BY shape
