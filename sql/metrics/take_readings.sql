-- One row for each reading of a dialogue of the chunk, by the row of its text. Most dialogues are accepted as generation left
-- them, so that one text holds the other: these are read once and count in both.
CREATE OR REPLACE TEMP TABLE readings AS
WITH pairs AS (
    SELECT p.*, coalesce(contains(g.text, k.text), false) AS same
    FROM picked AS p
    LEFT JOIN texts AS g ON g.row = p.generated
    LEFT JOIN texts AS k ON k.row = p.kept
    WHERE p.chunk = $chunk
)
SELECT generated AS row, draw, true AS attempted, same AS accepted, sampled, same AND sampled_kept AS sampled_kept
FROM pairs WHERE generated IS NOT NULL
UNION ALL
SELECT kept, draw, false, true, false, sampled_kept FROM pairs WHERE kept IS NOT NULL AND NOT same
