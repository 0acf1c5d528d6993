-- One row for each reading of a dialogue of the chunk. Most dialogues are accepted as generation left them, so that one
-- text holds the other: these are read once and count in both.
CREATE OR REPLACE TEMP TABLE readings AS
WITH texts AS (
    SELECT rowid AS row, payload::VARCHAR AS text FROM stage_rows
    WHERE slot BETWEEN $low AND $high AND rowid IN (
        SELECT generated FROM picked WHERE chunk = $chunk UNION ALL SELECT kept FROM picked WHERE chunk = $chunk
    )
),
pairs AS (
    SELECT p.draw, p.sampled, p.sampled_kept, g.text AS generated, k.text AS kept, coalesce(contains(g.text, k.text), false) AS same
    FROM picked AS p
    LEFT JOIN texts AS g ON g.row = p.generated
    LEFT JOIN texts AS k ON k.row = p.kept
    WHERE p.chunk = $chunk
)
SELECT row_number() OVER () AS row, *
FROM (
    SELECT draw, true AS attempted, same AS accepted, sampled, same AND sampled_kept AS sampled_kept, generated AS text
    FROM pairs WHERE generated IS NOT NULL
    UNION ALL
    SELECT draw, false, true, false, sampled_kept, kept FROM pairs WHERE kept IS NOT NULL AND NOT same
)
