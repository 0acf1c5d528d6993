INSERT INTO memory.main.catalogue BY NAME
WITH injected AS (
    SELECT dialogue_id, list(DISTINCT injection) FILTER (injection IS NOT NULL AND outcome = 'accepted') AS injections,
           count(*) AS edits, count(*) FILTER (outcome = 'accepted') AS edits_accepted
    FROM edits GROUP BY dialogue_id
),
found AS (
    SELECT dialogue_id, list(DISTINCT check_id) AS checks FROM findings GROUP BY dialogue_id
),
reached AS (
    SELECT dialogue_id, count(*) FILTER (stage LIKE 'refinement_round_%') AS rounds,
           arg_max(run_id, stage_index) FILTER (stage <> 'verified_dialogues') AS run_id
    FROM stage_rows GROUP BY dialogue_id
),
paid AS (
    SELECT dialogue_id, count(*) AS calls, sum(prompt_tokens + completion_tokens) AS tokens, sum(cost) AS cost
    FROM call_costs GROUP BY dialogue_id
),
exported AS (
    SELECT dialogue_id, any_value(split) AS split FROM export_lines GROUP BY dialogue_id
),
runs AS (
    SELECT run_id, max(finished_at) AS finished_at FROM stage_runs GROUP BY run_id
)
SELECT o.domain, o.dialogue_id, o.slot, o.attempt, o.state, o.stage, f.check_id, o.turn_id, f.cause_stage, f.cause_round,
       f.how, f.cause,
       coalesce(i.injections, []) AS injections, coalesce(c.checks, []) AS checks, r.rounds,
       coalesce(i.edits, 0) AS edits, coalesce(i.edits_accepted, 0) AS edits_accepted,
       coalesce(p.calls, 0) AS calls, coalesce(p.tokens, 0) AS tokens, p.cost, x.split, r.run_id, t.finished_at
FROM outcomes AS o
LEFT JOIN failures AS f USING (dialogue_id)
LEFT JOIN injected AS i USING (dialogue_id)
LEFT JOIN found AS c USING (dialogue_id)
LEFT JOIN reached AS r USING (dialogue_id)
LEFT JOIN paid AS p USING (dialogue_id)
LEFT JOIN exported AS x USING (dialogue_id)
LEFT JOIN runs AS t ON t.run_id = r.run_id
ORDER BY o.slot, o.attempt
