CREATE OR REPLACE TEMP TABLE chunk_given (
    tool VARCHAR, parameter VARCHAR, value UBIGINT, attempted UINTEGER, accepted UINTEGER
)
