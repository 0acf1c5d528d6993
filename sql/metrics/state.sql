-- What a domain holds: its newest run, how many stages runs have finished, a hash of its rows, and by which methods these
-- were written. A run has one id for all its stages, so the id alone does not tell a half-finished run from a whole one.
SELECT arg_max(run_id, finished_at) AS run_id, max(finished_at) AS finished_at, count(*) AS stages,
       (SELECT coalesce(bit_xor(hash(stage, dialogue_id, state, content_hash)), 0)::VARCHAR FROM stage_rows) AS content,
       (SELECT count(*) FILTER (stage = 'simulated_dialogues') > 0 FROM stage_rows) AS simulated,
       (SELECT count(*) FILTER (stage = 'skeletons' OR starts_with(stage, 'refinement_round_')) > 0 FROM stage_rows) AS refined
FROM stage_runs
