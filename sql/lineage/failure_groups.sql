-- Failures of one domain by check and first cause, with up to three examples.
SELECT domain, state, check_id, cause_stage, cause_round, how, count(*) AS dialogues,
       list({dialogue_id: dialogue_id, cause: cause, turn_id: turn_id} ORDER BY dialogue_id)[1:3] AS examples
FROM failures
GROUP BY domain, state, check_id, cause_stage, cause_round, how
ORDER BY dialogues DESC, check_id, cause_stage
