INSERT INTO memory.main.stage_totals BY NAME SELECT * FROM stage_counts
