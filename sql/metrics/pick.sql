-- The rows to read: of each dialogue the last that generation wrote, and the accepted one. No payload is read here, and
-- slots are put together into chunks, so that memory does not grow with the domain. `draw` orders dialogues at random,
-- the same way on every machine; the first ones are the sample. `only` holds the ids to read, null for all.
CREATE OR REPLACE TEMP TABLE picked AS
WITH generated AS (
    SELECT dialogue_id, slot, arg_max(rowid, stage_index) AS generated
    FROM stage_rows
    WHERE stage NOT IN ('task_specs', 'verification', 'verified_dialogues') AND payload IS NOT NULL
      AND ($only::VARCHAR[] IS NULL OR dialogue_id IN (SELECT unnest($only::VARCHAR[])))
    GROUP BY dialogue_id, slot
),
kept AS (
    SELECT dialogue_id, slot, rowid AS kept
    FROM stage_rows
    WHERE stage = 'verified_dialogues' AND state = 'accepted' AND payload IS NOT NULL
      AND ($only::VARCHAR[] IS NULL OR dialogue_id IN (SELECT unnest($only::VARCHAR[])))
)
SELECT *, (dense_rank() OVER (ORDER BY slot) - 1) // $size AS chunk, md5(dialogue_id) AS draw,
       row_number() OVER (PARTITION BY generated IS NULL ORDER BY md5(dialogue_id)) <= $sample AS sampled,
       row_number() OVER (PARTITION BY kept IS NULL ORDER BY md5(dialogue_id)) <= $sample AS sampled_kept
FROM generated FULL JOIN kept USING (dialogue_id, slot)
