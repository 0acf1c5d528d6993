-- Each row of a dialogue with what it was made from, and how the dialogue ended; of first attempts, by slot.
SELECT o.dialogue_id, o.state, r.stage, r.parts
FROM outcomes AS o
JOIN stage_rows AS r USING (dialogue_id)
WHERE o.attempt = 0 AND o.slot < $slots AND r.stage <> 'verified_dialogues'
ORDER BY o.slot, r.stage_index
