-- What became of the dialogues of one arm, in one domain's file.
SELECT dialogue_id, domain, state, defects_before, defects_after
FROM arm_dialogues
WHERE experiment = $experiment AND arm = $arm
ORDER BY dialogue_id
