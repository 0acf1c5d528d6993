-- With which settings each run began, whatever became of it: in a domain's file its own runs, in that for what spans
-- domains the other jobs'.
CREATE TABLE IF NOT EXISTS run_settings (
    run_id VARCHAR NOT NULL,
    job VARCHAR NOT NULL,
    settings JSON NOT NULL,
    started_at TIMESTAMP NOT NULL
);
