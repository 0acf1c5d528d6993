-- What was spent, by stage. A response that was borrowed from a shared cache took its tokens too, if not here. Calls of a
-- method that no row of the domain is written by any more are kept apart: those of its own stages, and verification's in runs
-- that used it. A domain whose rows no method wrote yet leaves nothing out.
INSERT INTO measuring.usage
WITH methods(stage, method) AS (
    SELECT DISTINCT stage, CASE WHEN stage = 'simulated_dialogues' THEN 'simulation'
                                WHEN stage = 'skeletons' OR starts_with(stage, 'refinement_round_') THEN 'non_autoregressive' END
    FROM (SELECT stage FROM stage_rows UNION ALL SELECT stage FROM all_calls UNION ALL SELECT stage FROM stage_runs)
),
own AS (
    SELECT DISTINCT method FROM stage_rows JOIN methods USING (stage) WHERE method IS NOT NULL
),
ran AS (
    SELECT run_id, any_value(method) AS method FROM stage_runs JOIN methods USING (stage)
    GROUP BY run_id HAVING count(DISTINCT method) = 1
),
paid AS (
    SELECT call_id, stage, run_id, prompt_tokens, cached_tokens, completion_tokens, cost FROM call_costs
    UNION ALL
    SELECT call_id, stage, run_id, prompt_tokens, cached_tokens, completion_tokens,
           CASE WHEN endpoint = 'offline' THEN 0.0 END AS cost
    FROM (SELECT DISTINCT ON (call_id) * FROM borrowed_calls)
    WHERE call_id NOT IN (SELECT call_id FROM call_costs)
),
parted AS (
    SELECT p.*, coalesce(m.method, CASE WHEN p.stage = 'verification' THEN r.method END) AS method
    FROM paid AS p LEFT JOIN methods AS m USING (stage) LEFT JOIN ran AS r USING (run_id)
)
SELECT $domain, stage,
       CASE WHEN method NOT IN (SELECT method FROM own) AND EXISTS (FROM own) THEN method END AS former_method,
       count(*), sum(prompt_tokens), sum(cached_tokens), sum(completion_tokens), sum(cost), count(*) FILTER (cost IS NULL)
FROM parted
GROUP BY ALL
