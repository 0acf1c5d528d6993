SELECT DISTINCT experiment FROM experiment_results ORDER BY experiment
