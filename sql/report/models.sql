SELECT DISTINCT model, endpoint FROM all_calls ORDER BY model, endpoint
