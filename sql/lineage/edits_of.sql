-- All edits of some dialogues, in the order in which they were made.
SELECT e.*
FROM edits AS e
JOIN stage_rows AS s ON s.stage = e.stage AND s.dialogue_id = e.dialogue_id
WHERE e.dialogue_id IN (SELECT unnest($ids::VARCHAR[]))
ORDER BY e.dialogue_id, s.stage_index, e.round, e.sequence
