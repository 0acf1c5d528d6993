-- What the explorer keeps in its own memory: one row a dialogue and one a stage and domain, copied from the domains'
-- files whenever these change, so that a list over all domains is one query and no file stays open.
CREATE TABLE IF NOT EXISTS memory.main.catalogue (
    domain VARCHAR,
    dialogue_id VARCHAR,
    slot INTEGER,
    attempt INTEGER,
    state VARCHAR,
    stage VARCHAR,
    check_id VARCHAR,
    turn_id VARCHAR,
    cause_stage VARCHAR,
    cause_round INTEGER,
    how VARCHAR,
    cause VARCHAR,
    injections VARCHAR[],
    checks VARCHAR[],
    rounds INTEGER,
    edits INTEGER,
    edits_accepted INTEGER,
    calls INTEGER,
    tokens BIGINT,
    cost DOUBLE,
    split VARCHAR,
    run_id VARCHAR,
    finished_at TIMESTAMP
);
CREATE TABLE IF NOT EXISTS memory.main.stage_totals (
    domain VARCHAR,
    stage VARCHAR,
    stage_index INTEGER,
    attempted BIGINT,
    accepted BIGINT,
    rejected BIGINT,
    failed BIGINT
);
CREATE TABLE IF NOT EXISTS memory.main.run_ends (
    domain VARCHAR,
    run_id VARCHAR,
    finished_at TIMESTAMP,
    accepted BIGINT,
    rejected BIGINT,
    failed BIGINT
);
