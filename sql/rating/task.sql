SELECT payload FROM stage_rows WHERE stage = 'task_specs' AND dialogue_id = $id
