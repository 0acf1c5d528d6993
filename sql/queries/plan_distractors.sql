SELECT kind, count(*) AS distractors FROM plan_distractors GROUP BY kind ORDER BY kind
