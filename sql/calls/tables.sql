-- Model calls of one domain: what was paid for, and what used it.

CREATE TABLE IF NOT EXISTS model_calls (
    key VARCHAR NOT NULL,
    call_id VARCHAR NOT NULL,
    stage VARCHAR NOT NULL,
    task VARCHAR NOT NULL,
    role VARCHAR NOT NULL,
    domain VARCHAR NOT NULL,
    dialogue_id VARCHAR NOT NULL,
    round INTEGER NOT NULL,
    turn_ids VARCHAR[],
    model VARCHAR NOT NULL,
    endpoint VARCHAR NOT NULL,
    messages JSON NOT NULL,
    sampling JSON NOT NULL,
    response VARCHAR,
    usable BOOLEAN NOT NULL,
    error_kind VARCHAR,
    error_message VARCHAR,
    finish_reason VARCHAR,
    prompt_tokens INTEGER NOT NULL,
    cached_tokens INTEGER NOT NULL,
    completion_tokens INTEGER NOT NULL,
    reasoning_tokens INTEGER NOT NULL,
    latency_ms DOUBLE NOT NULL,
    retries INTEGER NOT NULL,
    repairs VARCHAR[],
    run_id VARCHAR NOT NULL,
    created_at VARCHAR NOT NULL
);

-- Added later: files of earlier versions get them too, and all of their calls were live.
ALTER TABLE model_calls ADD COLUMN IF NOT EXISTS mode VARCHAR DEFAULT 'live';
ALTER TABLE model_calls ADD COLUMN IF NOT EXISTS batch_id VARCHAR;

-- Calls whose responses came from a shared cache: another run paid for them, maybe in another home, and nothing here
-- did. Money is counted in model_calls alone; lineage is read from all_calls.
CREATE TABLE IF NOT EXISTS borrowed_calls (
    key VARCHAR NOT NULL,
    call_id VARCHAR NOT NULL,
    stage VARCHAR NOT NULL,
    task VARCHAR NOT NULL,
    role VARCHAR NOT NULL,
    domain VARCHAR NOT NULL,
    dialogue_id VARCHAR NOT NULL,
    round INTEGER NOT NULL,
    turn_ids VARCHAR[],
    model VARCHAR NOT NULL,
    endpoint VARCHAR NOT NULL,
    messages JSON NOT NULL,
    sampling JSON NOT NULL,
    response VARCHAR,
    usable BOOLEAN NOT NULL,
    finish_reason VARCHAR,
    prompt_tokens INTEGER NOT NULL,
    cached_tokens INTEGER NOT NULL,
    completion_tokens INTEGER NOT NULL,
    reasoning_tokens INTEGER NOT NULL,
    latency_ms DOUBLE NOT NULL,
    retries INTEGER NOT NULL,
    run_id VARCHAR NOT NULL,
    created_at VARCHAR NOT NULL,
    borrowed_by VARCHAR NOT NULL
);

CREATE OR REPLACE VIEW all_calls AS
SELECT *, false AS borrowed FROM model_calls
UNION ALL BY NAME
SELECT *, true AS borrowed FROM borrowed_calls;

CREATE TABLE IF NOT EXISTS call_uses (
    call_id VARCHAR NOT NULL,
    run_id VARCHAR NOT NULL,
    stage VARCHAR NOT NULL,
    domain VARCHAR NOT NULL,
    dialogue_id VARCHAR NOT NULL,
    round INTEGER NOT NULL,
    turn_ids VARCHAR[],
    cached BOOLEAN NOT NULL
);

-- Journal files whose lines are all above, so that a fold that was interrupted is not done twice.
CREATE TABLE IF NOT EXISTS journal_folds (
    journal_id VARCHAR NOT NULL
);
