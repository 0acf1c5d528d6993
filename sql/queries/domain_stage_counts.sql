SELECT stage, attempted, accepted, rejected, failed FROM stage_counts ORDER BY stage_index
