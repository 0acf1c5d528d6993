SELECT attempted, accepted, rejected, failed FROM stage_counts WHERE stage = $stage
