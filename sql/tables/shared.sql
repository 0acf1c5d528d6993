-- Tables of what spans domains: splits and exports.

-- `split` is null, and `fault` says why, for a dialogue that no file format can hold, or that would leak on either side.
CREATE TABLE IF NOT EXISTS splits (
    dialogue_id VARCHAR NOT NULL,
    domain VARCHAR NOT NULL,
    split VARCHAR,
    fault VARCHAR
);

-- Every side that was ever given, so that none changes when data is added; `deal` names the settings it was given by,
-- `age` the order, `anchor` the oldest dialogue of the group it belongs to.
CREATE TABLE IF NOT EXISTS dealt_splits (
    deal VARCHAR NOT NULL,
    age BIGINT NOT NULL,
    dialogue_id VARCHAR NOT NULL,
    anchor VARCHAR NOT NULL,
    split VARCHAR NOT NULL
);

CREATE TABLE IF NOT EXISTS dataset_facts (
    name VARCHAR NOT NULL,
    fingerprint VARCHAR NOT NULL,
    facts JSON NOT NULL
);

-- Domains the pool had once: `retired` ones have gone from it, and their data is kept.
CREATE TABLE IF NOT EXISTS domain_states (
    domain VARCHAR NOT NULL,
    state VARCHAR NOT NULL,
    since TIMESTAMP NOT NULL
);

-- Figures of experiments: one row an arm, metric and domain; `domain` is null over all of them. `settings` holds what the
-- arm sets, `models` who answered its calls (pairs of name and endpoint), `error_rate` that of the offline model. Measuring an
-- experiment again replaces its rows.
CREATE TABLE IF NOT EXISTS experiment_results (
    experiment VARCHAR NOT NULL,
    arm VARCHAR NOT NULL,
    position INTEGER NOT NULL,
    label VARCHAR NOT NULL,
    settings JSON NOT NULL,
    domain VARCHAR,
    metric VARCHAR NOT NULL,
    value DOUBLE NOT NULL,
    measured_at TIMESTAMP NOT NULL,
    models JSON,
    seed BIGINT,
    error_rate DOUBLE
);
