SELECT dialogue_id, split, fault FROM splits
