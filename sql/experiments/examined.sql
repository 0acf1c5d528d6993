-- What examination found, and how the dialogues of each arm came out of it. One file a domain, for all experiments.

-- A verdict on a dialogue, by what it depends on: dialogue, task, tools, rules, questions, model. A dialogue that several
-- arms hold is examined once.
CREATE TABLE IF NOT EXISTS examined (
    key VARCHAR NOT NULL,
    dialogue_id VARCHAR NOT NULL,
    check_ids VARCHAR[] NOT NULL
);

-- What became of each dialogue in each arm. `defects_before` holds the checks that reject it as refinement left it, null
-- where it did not get that far; `defects_after` those that reject it as it was accepted, null where it was not.
CREATE TABLE IF NOT EXISTS arm_dialogues (
    experiment VARCHAR NOT NULL,
    arm VARCHAR NOT NULL,
    dialogue_id VARCHAR NOT NULL,
    domain VARCHAR NOT NULL,
    state VARCHAR NOT NULL,
    defects_before VARCHAR[],
    defects_after VARCHAR[]
);

-- What the rows of an arm were examined from, so that one that did not change is not looked at again.
CREATE TABLE IF NOT EXISTS examined_arms (
    experiment VARCHAR NOT NULL,
    arm VARCHAR NOT NULL,
    basis VARCHAR NOT NULL
);
