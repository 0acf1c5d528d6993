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
-- What a call cost by the price of its day, in dollars, and which price that was; null where none was known.
ALTER TABLE model_calls ADD COLUMN IF NOT EXISTS cost DOUBLE;
ALTER TABLE model_calls ADD COLUMN IF NOT EXISTS price VARCHAR;
ALTER TABLE model_calls ADD COLUMN IF NOT EXISTS cache_write_tokens INTEGER DEFAULT 0;

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

-- What each paid call cost, without its texts. A response that several rows used was paid for once, by the row named
-- here. A call that only met faults was not paid for. The offline model's calls are free, whatever version wrote them
-- down.
CREATE OR REPLACE VIEW call_costs AS
SELECT call_id, stage, task, role, domain, dialogue_id, round, model, endpoint, mode, run_id, created_at,
       prompt_tokens, cached_tokens, coalesce(cache_write_tokens, 0) AS cache_write_tokens,
       completion_tokens, reasoning_tokens,
       CASE WHEN endpoint = 'offline' THEN 0.0 ELSE cost END AS cost,
       price,
       endpoint = 'offline' AS free
FROM model_calls
WHERE error_kind IS NULL
   OR error_kind NOT IN ('connection', 'timeout', 'rate_limit', 'server', 'bad_request', 'batch', 'filtered')
   OR (error_kind = 'filtered' AND finish_reason IS NOT NULL);

