SELECT dialogue_id, basis, plan FROM drawn_plans
