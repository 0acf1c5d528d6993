-- How each attempt at each slot ended; an attempt that is under way is unfinished.
SELECT slot, attempt, state, check_id FROM outcomes ORDER BY slot, attempt
