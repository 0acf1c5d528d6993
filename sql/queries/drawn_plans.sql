-- Each plan with the run that made its task spec, and so drew it or took it over.
SELECT drawn.dialogue_id, drawn.basis, drawn.plan, made.run_id
FROM drawn_plans AS drawn
LEFT JOIN stage_rows AS made ON made.stage = drawn.stage AND made.dialogue_id = drawn.dialogue_id
