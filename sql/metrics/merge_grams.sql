-- One row an n-gram again: most n-grams of a chunk are those of the chunks before.
CREATE OR REPLACE TEMP TABLE merged_grams AS
SELECT n, gram, sum(attempted)::UINTEGER AS attempted, sum(accepted)::UINTEGER AS accepted
FROM chunk_grams
GROUP BY n, gram;
DROP TABLE chunk_grams;
ALTER TABLE merged_grams RENAME TO chunk_grams
