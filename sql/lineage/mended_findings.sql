-- What verification found in some dialogues and a repair mended; the message names the edit.
SELECT dialogue_id, check_id AS "check", severity, turn_id, path, evidence, message
FROM findings
WHERE stage = 'verification' AND message LIKE '% mended it.' AND dialogue_id IN (SELECT unnest($ids::VARCHAR[]))
ORDER BY dialogue_id, position
