-- What one measurement of a home keeps while it runs, in memory: small rows and hashes, never a dialogue's text but of
-- the sample. `accepted` tells the two readings of a dialogue apart: as generation left it, and as it was accepted.
CREATE TABLE measuring.dialogues (
    domain VARCHAR,
    accepted BOOLEAN,
    user_turns INTEGER,
    words INTEGER,
    turns INTEGER,
    steps INTEGER,
    calls INTEGER,
    characters BIGINT,
    requests INTEGER,
    asked_back INTEGER,
    outputs INTEGER,
    errors INTEGER,
    recovered INTEGER,
    injections VARCHAR[],
    shape UBIGINT,
    opening UBIGINT
);
-- N-grams of user turns as hashes, and how often each was said in either reading.
CREATE TABLE measuring.grams (domain VARCHAR, n UTINYINT, gram UBIGINT, attempted UINTEGER, accepted UINTEGER);
-- Arguments given in calls, values as hashes; a row without a parameter is the call itself.
CREATE TABLE measuring.given (
    domain VARCHAR, tool VARCHAR, parameter VARCHAR, value UBIGINT, attempted UINTEGER, accepted UINTEGER
);
CREATE TABLE measuring.declared (domain VARCHAR, tool VARCHAR, parameter VARCHAR);
-- `tokens` of user turns; `content` holds the different content words of a turn, of four letters or more, or that begin with a digit.
CREATE TABLE measuring.sampled (
    domain VARCHAR,
    accepted BOOLEAN,
    draw VARCHAR,
    position INTEGER,
    role VARCHAR,
    acts BOOLEAN,
    text VARCHAR,
    tokens VARCHAR[],
    content VARCHAR[]
);
CREATE TABLE measuring.ends (domain VARCHAR, attempted BIGINT, accepted BIGINT, ended BIGINT);
CREATE TABLE measuring.reached (domain VARCHAR, stage VARCHAR, dialogues BIGINT);
CREATE TABLE measuring.checks (domain VARCHAR, check_id VARCHAR, stage VARCHAR, looked_at BIGINT, objected_to BIGINT);
-- `former_method` names the method that calls are of where no row of the domain is written by it any more.
CREATE TABLE measuring.usage (
    domain VARCHAR,
    stage VARCHAR,
    former_method VARCHAR,
    calls BIGINT,
    prompt_tokens BIGINT,
    cached_tokens BIGINT,
    completion_tokens BIGINT,
    cost DOUBLE,
    unpriced BIGINT
);

-- Tokens are runs of letters, marks and digits without case; in scripts that have no spaces each letter is one.
CREATE MACRO measuring.tokens_of(text) AS regexp_extract_all(
    lower(nfc_normalize(text)),
    '[\p{Han}\p{Hiragana}\p{Katakana}\p{Thai}\p{Lao}\p{Khmer}\p{Myanmar}]\p{M}*|[\p{L}\p{M}\p{N}]+'
);
-- Whether a text ends with a question mark of any script; quotes, brackets, emphasis, emoji and exclamation marks may follow.
-- Greek's looks like a semicolon and is mostly typed as one, so that in a Greek sentence alone it is one.
CREATE MACRO measuring.asks(text) AS regexp_matches(
    text,
    '([?？﹖؟፧⁇⁈⁉‽\x{37E}]|\p{Greek}[^.!?;\n]*;)[\s!"''`*_~\p{Pi}\p{Pf}\p{Pe}\p{So}\p{Sk}\x{200D}\x{FE0F}\x{20E3}\x{E0020}-\x{E007F}]*$'
);
