SELECT dialogue_id, edit_id, replacements
FROM edits
WHERE outcome = 'accepted' AND stage <> 'verification' AND dialogue_id IN (SELECT unnest($ids::VARCHAR[]))
ORDER BY dialogue_id, round, sequence
