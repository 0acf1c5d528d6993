-- Measurements of a home, one after the other; `metrics/newest.sql` reads the last. `over` says whether the value is over
-- attempted or accepted dialogues, `part` what it is of (a stage, a check, a parameter, a number), `count` over how many
-- dialogues, turns, tokens or calls it was taken. A null domain stands for all domains together. `stages` and `content` say
-- what was measured: how many stages runs had finished by then, and a hash of the rows there were; `sample` and
-- `entailment`, how the figures over a sample were taken.
CREATE TABLE IF NOT EXISTS metrics (
    domain VARCHAR,
    run_id VARCHAR NOT NULL,
    method VARCHAR NOT NULL,
    over VARCHAR NOT NULL,
    metric VARCHAR NOT NULL,
    part VARCHAR,
    value DOUBLE NOT NULL,
    count BIGINT NOT NULL,
    measured_at TIMESTAMP NOT NULL,
    stages BIGINT,
    content VARCHAR,
    sample INTEGER,
    entailment VARCHAR
);
