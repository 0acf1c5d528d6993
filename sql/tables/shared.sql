-- Tables of what spans domains: splits and exports.

-- `split` is null, and `fault` says why, for a dialogue that no file format can hold.
CREATE TABLE IF NOT EXISTS splits (
    dialogue_id VARCHAR NOT NULL,
    domain VARCHAR NOT NULL,
    split VARCHAR,
    fault VARCHAR
);

CREATE TABLE IF NOT EXISTS dataset_facts (
    name VARCHAR NOT NULL,
    fingerprint VARCHAR NOT NULL,
    facts JSON NOT NULL
);
