SELECT v.dialogue_id, v.payload AS dialogue, s.payload AS spec
FROM stage_rows v
JOIN stage_rows s ON s.dialogue_id = v.dialogue_id AND s.stage = 'task_specs' AND s.slot BETWEEN $first AND $last
WHERE v.stage = 'verified_dialogues' AND v.state = 'accepted' AND v.slot BETWEEN $first AND $last
ORDER BY v.slot, v.attempt
