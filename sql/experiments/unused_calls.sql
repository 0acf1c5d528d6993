-- Calls that no row of the home is made with: an arm that goes on from another has them from it.
SELECT call_id FROM all_calls
WHERE call_id NOT IN (SELECT unnest(call_ids) FROM stage_rows)
  AND call_id NOT IN (SELECT call_id FROM stage_rows WHERE call_id IS NOT NULL)
