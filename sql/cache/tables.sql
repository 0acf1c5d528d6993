-- The shared cache (SQLite). Texts have a table of their own, so that counting does not read them.

CREATE TABLE IF NOT EXISTS calls (
    id INTEGER PRIMARY KEY,
    key TEXT NOT NULL UNIQUE,
    stage TEXT NOT NULL,
    task TEXT NOT NULL,
    role TEXT NOT NULL,
    domain TEXT NOT NULL,
    model TEXT NOT NULL,
    endpoint TEXT NOT NULL,
    finish_reason TEXT,
    prompt_tokens INTEGER NOT NULL,
    cached_tokens INTEGER NOT NULL,
    completion_tokens INTEGER NOT NULL,
    reasoning_tokens INTEGER NOT NULL,
    latency_ms REAL NOT NULL,
    retries INTEGER NOT NULL,
    run_id TEXT NOT NULL,
    created_at TEXT NOT NULL,
    last_used TEXT NOT NULL,
    size INTEGER NOT NULL
);

CREATE TABLE IF NOT EXISTS texts (
    id INTEGER PRIMARY KEY,
    response TEXT NOT NULL
);
