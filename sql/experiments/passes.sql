-- Refinement passes made, and dialogues that were refined.
SELECT count(*) FILTER (NOT finished) AS passes, count(DISTINCT dialogue_id) AS dialogues
FROM refinement_rounds
WHERE state = 'passed'
