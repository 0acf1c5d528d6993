-- Lineage of one tool domain: views over tables/domain.sql and calls/tables.sql with stable names and columns.
-- docs/lineage.md describes them, and tests/reporting/test_lineage_views.py holds them to it.

-- One row for each rejected or failed dialogue: how it ended, and the step that introduced what ended it.
CREATE OR REPLACE VIEW failures AS
SELECT o.dialogue_id, o.domain, o.slot, o.attempt, o.state, o.stage, coalesce(o.check_id, 'call') AS check_id,
       o.turn_id, o.evidence, o.reason, o.call_id,
       coalesce(c.how, o.state) AS how,
       coalesce(c.cause_stage, o.stage) AS cause_stage,
       coalesce(c.cause_round, TRY_CAST(nullif(regexp_extract(o.stage, '^refinement_round_(\d+)$', 1), '') AS INTEGER), 0)
           AS cause_round,
       c.edit_id, c.changed, coalesce(c.sentence, o.reason) AS cause
FROM outcomes AS o
LEFT JOIN first_causes AS c ON c.dialogue_id = o.dialogue_id AND c.stage = o.stage AND c.position = 0
WHERE o.state IN ('rejected', 'failed');

-- Rejected and failed dialogues by check and by the stage and round that introduced the defect.
CREATE OR REPLACE VIEW failure_reasons AS
SELECT domain, stage, state, check_id, cause_stage, cause_round, how, count(*) AS dialogues,
       min(dialogue_id) AS example, arg_min(reason, dialogue_id) AS example_reason,
       arg_min(cause, dialogue_id) AS example_cause
FROM failures
GROUP BY ALL;

-- One row for each version of each turn, tried or kept: `before` is the turn it was made from, null in the first version;
-- `turn` is null where a fill was unusable. `is_final` marks the versions that the dialogue holds now.
CREATE OR REPLACE VIEW turn_history AS
WITH written AS (
    SELECT dialogue_id, domain, stage, stage_index, 0 AS round, -1 AS sequence, NULL AS edit_id,
           'trajectory_initialization' AS operation, NULL AS injection, 'accepted' AS outcome, NULL AS reason,
           call_ids, NULL::JSON AS before, unnest(payload -> '$.sub_trajectories[*].turns[*]') AS turn
    FROM stage_rows
    WHERE stage = 'skeletons' AND state = 'passed'
    UNION ALL
    SELECT dialogue_id, domain, stage, stage_index, 0 AS round, -1 AS sequence, NULL AS edit_id,
           'simulation' AS operation, NULL AS injection, 'accepted' AS outcome, NULL AS reason,
           call_ids, NULL::JSON AS before, unnest(payload -> '$.dialogue.turns[*]') AS turn
    FROM stage_rows
    WHERE stage = 'simulated_dialogues' AND state = 'passed'
    UNION ALL
    SELECT dialogue_id, domain, stage, stage_index, round, sequence, edit_id, operation, injection, outcome, reason,
           call_ids, replacement -> '$.before' AS before,
           unnest(CASE WHEN json_array_length(replacement -> '$.after') = 0 THEN [NULL::JSON]
                       ELSE replacement -> '$.after[*]' END) AS turn
    FROM (
        SELECT e.dialogue_id, s.domain, e.stage, s.stage_index, e.round, e.sequence, e.edit_id, e.operation, e.injection,
               e.outcome, e.reason, e.call_ids, unnest(e.replacements -> '$[*]') AS replacement
        FROM edits AS e
        JOIN stage_rows AS s ON s.stage = e.stage AND s.dialogue_id = e.dialogue_id
    )
),
named AS (
    SELECT *, coalesce(turn ->> '$.id', before ->> '$.id') AS turn_id FROM written
)
SELECT dialogue_id, domain, turn_id,
       row_number() OVER (PARTITION BY dialogue_id, turn_id ORDER BY stage_index, round, sequence) AS version,
       stage, round, sequence, edit_id, operation, injection, outcome,
       outcome = 'accepted' AND row_number() OVER (
           PARTITION BY dialogue_id, turn_id, outcome = 'accepted' ORDER BY stage_index DESC, round DESC, sequence DESC
       ) = 1 AS is_final,
       turn ->> '$.role' AS role, turn ->> '$.content' AS content, turn, before, reason, call_ids
FROM named;

-- Everything a dialogue was made of and went into, one row a step, in order: the tools it was offered with the versions
-- they had, its task spec, skeleton, each edit, the findings, the verdict, and its lines in the export files. Prompts,
-- replies, tokens and cost are those of `call_ids` in all_calls and call_costs.
CREATE OR REPLACE VIEW dialogue_lineage AS
WITH specs AS (
    SELECT dialogue_id, domain, payload, run_id
    FROM stage_rows
    WHERE stage = 'task_specs' AND state = 'passed'
),
offered AS (
    SELECT dialogue_id, domain, run_id, payload, unnest(json_keys(payload, '$.tool_versions')) AS tool FROM specs
),
steps AS (
    SELECT dialogue_id, domain, 0 AS stage_index, 0 AS part, 0 AS sequence, 'tool' AS kind, 'tool_pool' AS stage,
           0 AS round, tool AS name, 'offered' AS state,
           json_extract_string(payload, '$.tool_versions."' || replace(tool, '"', '\"') || '"') AS version,
           NULL::VARCHAR[] AS turn_ids, NULL AS reason, NULL::VARCHAR[] AS call_ids, NULL::BIGINT AS line, run_id
    FROM offered
    UNION ALL BY NAME
    SELECT dialogue_id, domain, stage_index, 0 AS part, 0 AS sequence,
           CASE stage WHEN 'task_specs' THEN 'task_spec' WHEN 'skeletons' THEN 'skeleton'
                      WHEN 'simulated_dialogues' THEN 'simulation'
                      WHEN 'verification' THEN 'verdict' ELSE 'round' END AS kind,
           stage, coalesce(TRY_CAST(nullif(regexp_extract(stage, '^refinement_round_(\d+)$', 1), '') AS INTEGER), 0)
               AS round,
           stage AS name, state, fingerprint AS version,
           CASE WHEN turn_id IS NOT NULL THEN [turn_id] END AS turn_ids,
           concat_ws(': ', check_id, reason) AS reason, call_ids, run_id
    FROM stage_rows
    WHERE stage <> 'verified_dialogues'
    UNION ALL BY NAME
    SELECT e.dialogue_id, s.domain, s.stage_index, 1 AS part, e.sequence, 'edit' AS kind, e.stage, e.round,
           e.edit_id AS name, e.outcome AS state, s.fingerprint AS version, e.masked AS turn_ids, e.reason, e.call_ids,
           s.run_id
    FROM edits AS e
    JOIN stage_rows AS s ON s.stage = e.stage AND s.dialogue_id = e.dialogue_id
    UNION ALL BY NAME
    SELECT f.dialogue_id, s.domain, s.stage_index, 2 AS part, f.position AS sequence, 'finding' AS kind, f.stage,
           coalesce(c.cause_round, 0) AS round, f.check_id AS name, f.severity AS state, c.edit_id AS version,
           CASE WHEN f.turn_id IS NOT NULL THEN [f.turn_id] END AS turn_ids, coalesce(c.sentence, f.message) AS reason,
           c.call_ids, s.run_id
    FROM findings AS f
    JOIN stage_rows AS s ON s.stage = f.stage AND s.dialogue_id = f.dialogue_id
    LEFT JOIN first_causes AS c ON c.stage = f.stage AND c.dialogue_id = f.dialogue_id AND c.position = f.position
    UNION ALL BY NAME
    SELECT x.dialogue_id, s.domain, 1000 AS stage_index, 3 AS part, 0 AS sequence, 'export' AS kind, 'exports' AS stage,
           0 AS round, x.file AS name, x.split AS state, s.content_hash AS version, x.line, s.run_id
    FROM export_lines AS x
    JOIN stage_rows AS s ON s.stage = 'verified_dialogues' AND s.dialogue_id = x.dialogue_id
)
SELECT dialogue_id, domain,
       row_number() OVER (PARTITION BY dialogue_id ORDER BY stage_index, part, sequence, name) AS position,
       kind, stage, round, name, state, version, turn_ids, reason, call_ids, line, run_id
FROM steps;
