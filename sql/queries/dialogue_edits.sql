SELECT dialogue_id, edit_id, stage, round, sequence, operation, injection, masked, replacements, withheld_tools,
       outcome, order_shown, reason, call_ids, sub_type, verdict
FROM edits
WHERE dialogue_id = $id
ORDER BY round, sequence
