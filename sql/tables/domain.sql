-- Tables and views of one tool domain's file. Model calls have their own file, calls/tables.sql.

CREATE TABLE IF NOT EXISTS domain_tools (
    name VARCHAR NOT NULL,
    fingerprint VARCHAR NOT NULL,
    description VARCHAR,
    definition JSON NOT NULL,
    source VARCHAR,
    licence VARCHAR,
    is_current BOOLEAN NOT NULL
);

-- Tools of other domains that may be offered as distractors.
CREATE TABLE IF NOT EXISTS borrowed_tools (
    name VARCHAR NOT NULL,
    fingerprint VARCHAR NOT NULL,
    description VARCHAR,
    definition JSON NOT NULL,
    source VARCHAR,
    licence VARCHAR,
    is_current BOOLEAN NOT NULL
);

CREATE TABLE IF NOT EXISTS import_notes (
    source VARCHAR,
    item VARCHAR,
    status VARCHAR NOT NULL,
    reason VARCHAR,
    mend VARCHAR
);

-- Which result can fill which parameter; `confidence` is up to 1, `evidence` says in words where it comes from.
CREATE TABLE IF NOT EXISTS tool_links (
    domain VARCHAR NOT NULL,
    producer VARCHAR NOT NULL,
    result_path VARCHAR NOT NULL,
    consumer VARCHAR NOT NULL,
    parameter VARCHAR NOT NULL,
    confidence DOUBLE NOT NULL,
    evidence VARCHAR NOT NULL
);

-- `lasting_fingerprint` leaves out what the domain may borrow from others.
CREATE TABLE IF NOT EXISTS domain_facts (
    domain VARCHAR NOT NULL,
    description VARCHAR,
    fingerprint VARCHAR NOT NULL,
    lasting_fingerprint VARCHAR
);

-- What really runs the domain's tools; of several that name a tool, the last counts.
CREATE TABLE IF NOT EXISTS domain_backends (
    position INTEGER NOT NULL,
    kind VARCHAR NOT NULL,
    definition JSON NOT NULL
);

-- One row per dialogue and stage it reached. `state` is passed, rejected, failed or (verification only) accepted.
CREATE TABLE IF NOT EXISTS stage_rows (
    stage VARCHAR NOT NULL,
    stage_index INTEGER NOT NULL,
    domain VARCHAR NOT NULL,
    dialogue_id VARCHAR NOT NULL,
    slot INTEGER NOT NULL,
    attempt INTEGER NOT NULL,
    fingerprint VARCHAR NOT NULL,
    state VARCHAR NOT NULL,
    check_id VARCHAR,
    turn_id VARCHAR,
    evidence VARCHAR,
    reason VARCHAR,
    call_id VARCHAR,
    call_ids VARCHAR[],
    payload JSON,
    content_hash VARCHAR,
    run_id VARCHAR NOT NULL,
    parts JSON
);

-- Rows as they were before a run replaced or dropped them. `toolace gc` prunes.
CREATE TABLE IF NOT EXISTS past_rows AS
SELECT *, NULL::VARCHAR AS replaced_by, NULL::TIMESTAMP AS replaced_at FROM stage_rows WHERE false;

-- Plans as they were drawn. One stays in force while the settings of sampling are the same and its tools are there, so
-- that a change of one tool, or a new one, leaves the dialogues alone that have nothing to do with it.
CREATE TABLE IF NOT EXISTS drawn_plans (
    stage VARCHAR NOT NULL,
    dialogue_id VARCHAR NOT NULL,
    basis VARCHAR NOT NULL,
    plan JSON NOT NULL
);

-- What sampling fixed for each sub-task; `shape` differs from `wanted` where the tools did not allow it.
CREATE TABLE IF NOT EXISTS task_plans (
    stage VARCHAR NOT NULL,
    dialogue_id VARCHAR NOT NULL,
    domain VARCHAR NOT NULL,
    sub_task INTEGER NOT NULL,
    wanted VARCHAR NOT NULL,
    shape VARCHAR NOT NULL,
    steps INTEGER NOT NULL,
    tools VARCHAR[] NOT NULL,
    options JSON NOT NULL,
    from_user JSON NOT NULL,
    takes JSON,
    again VARCHAR[]
);
ALTER TABLE task_plans ADD COLUMN IF NOT EXISTS takes JSON;
ALTER TABLE task_plans ADD COLUMN IF NOT EXISTS again VARCHAR[];
ALTER TABLE task_plans ADD COLUMN IF NOT EXISTS time_passes BOOLEAN DEFAULT false;

CREATE TABLE IF NOT EXISTS plan_distractors (
    stage VARCHAR NOT NULL,
    dialogue_id VARCHAR NOT NULL,
    domain VARCHAR NOT NULL,
    tool VARCHAR NOT NULL,
    kind VARCHAR NOT NULL
);

CREATE TABLE IF NOT EXISTS edits (
    edit_id VARCHAR NOT NULL,
    stage VARCHAR NOT NULL,
    dialogue_id VARCHAR NOT NULL,
    round INTEGER NOT NULL,
    sequence INTEGER NOT NULL,
    operation VARCHAR NOT NULL,
    injection VARCHAR,
    masked VARCHAR[],
    replacements JSON,
    withheld_tools VARCHAR[],
    outcome VARCHAR NOT NULL,
    order_shown VARCHAR,
    reason VARCHAR,
    call_ids VARCHAR[],
    sub_type VARCHAR,
    verdict VARCHAR,
    withheld JSON,
    mistaken VARCHAR[]
);
-- Files of versions that had no sub-types.
ALTER TABLE edits ADD COLUMN IF NOT EXISTS sub_type VARCHAR;
ALTER TABLE edits ADD COLUMN IF NOT EXISTS verdict VARCHAR;
-- Files of versions whose edits did not say which values an injection moves.
ALTER TABLE edits ADD COLUMN IF NOT EXISTS withheld JSON;
ALTER TABLE edits ADD COLUMN IF NOT EXISTS mistaken VARCHAR[];

CREATE TABLE IF NOT EXISTS findings (
    stage VARCHAR NOT NULL,
    dialogue_id VARCHAR NOT NULL,
    position INTEGER NOT NULL,
    check_id VARCHAR NOT NULL,
    severity VARCHAR NOT NULL,
    turn_id VARCHAR,
    path VARCHAR,
    evidence VARCHAR,
    message VARCHAR NOT NULL
);

-- Where each single value inside a call's arguments comes from. A stage has rows of the dialogues it wrote or changed,
-- verification of all it looked at. `state` is grounded, derived, ungrounded or undecided; `kind` says what the source is
-- (user, result, assistant, call, default, constant, choice, today, none). `path` and `source_path` are JSON paths inside
-- `turn_id` and `source_turn`; `span` is start and end, in characters, inside the text at `source_path`.
CREATE TABLE IF NOT EXISTS argument_sources (
    stage VARCHAR NOT NULL,
    stage_index INTEGER NOT NULL,
    dialogue_id VARCHAR NOT NULL,
    position INTEGER NOT NULL,
    turn_id VARCHAR NOT NULL,
    call_id VARCHAR NOT NULL,
    tool VARCHAR NOT NULL,
    path VARCHAR NOT NULL,
    value JSON,
    state VARCHAR NOT NULL,
    kind VARCHAR NOT NULL,
    identifier BOOLEAN NOT NULL,
    source_turn VARCHAR,
    source_path VARCHAR,
    span INTEGER[],
    reason VARCHAR
);

CREATE TABLE IF NOT EXISTS expert_answers (
    stage VARCHAR NOT NULL,
    dialogue_id VARCHAR NOT NULL,
    question VARCHAR NOT NULL,
    passes BOOLEAN NOT NULL,
    turn_id VARCHAR,
    quote VARCHAR,
    reason VARCHAR,
    call_id VARCHAR
);
-- Which of several judges answered, and whether what it quotes stands in the turn it names.
ALTER TABLE expert_answers ADD COLUMN IF NOT EXISTS vote INTEGER;
ALTER TABLE expert_answers ADD COLUMN IF NOT EXISTS quote_stands BOOLEAN;

CREATE TABLE IF NOT EXISTS stage_runs (
    run_id VARCHAR NOT NULL,
    stage VARCHAR NOT NULL,
    stage_index INTEGER NOT NULL,
    domain VARCHAR NOT NULL,
    settings JSON NOT NULL,
    made INTEGER NOT NULL,
    reused INTEGER NOT NULL,
    seconds DOUBLE NOT NULL,
    finished_at TIMESTAMP NOT NULL
);

-- The step that introduced what a verdict's hard findings name; `position` is the finding's. `how` is initial, rewritten,
-- exposed or judged, and `replayed` says whether the check itself was run again over the history.
CREATE TABLE IF NOT EXISTS first_causes (
    stage VARCHAR NOT NULL,
    dialogue_id VARCHAR NOT NULL,
    position INTEGER NOT NULL,
    check_id VARCHAR NOT NULL,
    how VARCHAR NOT NULL,
    cause_stage VARCHAR NOT NULL,
    cause_round INTEGER NOT NULL,
    edit_id VARCHAR,
    turn_id VARCHAR,
    changed VARCHAR[],
    call_ids VARCHAR[],
    replayed BOOLEAN NOT NULL,
    sentence VARCHAR NOT NULL
);

-- Each end a dialogue came to in each run. Rows are never replaced, so that runs can be compared.
CREATE TABLE IF NOT EXISTS outcome_log (
    run_id VARCHAR NOT NULL,
    stage VARCHAR NOT NULL,
    stage_index INTEGER NOT NULL,
    dialogue_id VARCHAR NOT NULL,
    state VARCHAR NOT NULL,
    check_id VARCHAR,
    turn_id VARCHAR,
    reason VARCHAR,
    finished_at TIMESTAMP NOT NULL
);

-- Where the export files hold a dialogue. `line` counts from 1: lines of a text file, rows of a Parquet file.
CREATE TABLE IF NOT EXISTS export_lines (
    dialogue_id VARCHAR NOT NULL,
    split VARCHAR NOT NULL,
    format VARCHAR NOT NULL,
    file VARCHAR NOT NULL,
    line BIGINT NOT NULL
);

CREATE OR REPLACE VIEW task_specs AS
SELECT dialogue_id, slot, attempt, state, check_id, reason,
       payload ->> '$.scenario' AS scenario,
       payload ->> '$.persona' AS persona,
       json_array_length(payload, '$.sub_tasks') AS sub_tasks,
       payload AS spec
FROM stage_rows WHERE stage = 'task_specs';

CREATE OR REPLACE VIEW skeletons AS
SELECT dialogue_id, slot, attempt, state, check_id, reason, payload AS skeleton
FROM stage_rows WHERE stage = 'skeletons';

-- What the agents played, in a home whose method is simulation; of a rejected one the turns up to where it went wrong.
CREATE OR REPLACE VIEW simulated_dialogues AS
SELECT dialogue_id, slot, attempt, state, check_id, reason,
       payload ->> '$.stop' AS stop,
       payload -> '$.dialogue' AS dialogue,
       payload -> '$.complications' AS complications
FROM stage_rows WHERE stage = 'simulated_dialogues';

CREATE OR REPLACE VIEW refinement_rounds AS
SELECT dialogue_id, CAST(right(stage, 2) AS INTEGER) AS round, slot, attempt, state, check_id, reason,
       CAST(payload -> '$.finished' AS BOOLEAN) AS finished,
       payload ->> '$.converged' AS converged,
       payload -> '$.dialogue' AS dialogue
FROM stage_rows WHERE stage LIKE 'refinement_round_%';

CREATE OR REPLACE VIEW verified_dialogues AS
SELECT dialogue_id, domain, slot, attempt, content_hash, payload AS dialogue
FROM stage_rows WHERE stage = 'verified_dialogues' AND state = 'accepted';

-- The sources of each dialogue as the last stage that changed or verified it found them.
CREATE OR REPLACE VIEW current_argument_sources AS
SELECT * FROM argument_sources
QUALIFY stage_index = max(stage_index) OVER (PARTITION BY dialogue_id);

-- How many arguments are in which state after each stage, of the dialogues that it changed or verified.
CREATE OR REPLACE VIEW grounding_counts AS
SELECT stage, stage_index, state, count(*) AS arguments, count(*) FILTER (identifier) AS identifiers,
       count(DISTINCT dialogue_id) AS dialogues
FROM argument_sources
GROUP BY ALL;

-- The one end of each attempted dialogue: its row at the last stage it reached.
CREATE OR REPLACE VIEW outcomes AS
SELECT dialogue_id, domain, slot, attempt,
       CASE WHEN state = 'passed' THEN 'unfinished' ELSE state END AS state,
       stage, check_id, turn_id, evidence, reason, call_id
FROM stage_rows
WHERE stage <> 'verified_dialogues'
QUALIFY row_number() OVER (PARTITION BY dialogue_id ORDER BY stage_index DESC) = 1;

-- attempted = accepted + rejected + failed in every stage; accepted means: went on to the next stage.
CREATE OR REPLACE VIEW stage_counts AS
SELECT domain, stage, stage_index,
       count(*) AS attempted,
       count(*) FILTER (state IN ('passed', 'accepted')) AS accepted,
       count(*) FILTER (state = 'rejected') AS rejected,
       count(*) FILTER (state = 'failed') AS failed
FROM stage_rows
GROUP BY ALL;

-- Complexity injections tried, by type and sub-type.
CREATE OR REPLACE VIEW injection_counts AS
SELECT injection, sub_type,
       count(*) AS tried,
       count(*) FILTER (outcome = 'accepted') AS accepted,
       count(*) FILTER (outcome = 'discarded') AS discarded,
       min(reason) FILTER (outcome = 'discarded') AS example_reason
FROM edits
WHERE operation = 'complexity_injection'
GROUP BY ALL;

-- Which turns were touched by what: a row per masked turn of each edit, kept or not.
CREATE OR REPLACE VIEW touched_turns AS
SELECT dialogue_id, unnest(masked) AS turn_id, round, sequence, operation, injection, sub_type, outcome, edit_id
FROM edits;
