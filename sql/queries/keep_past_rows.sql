INSERT INTO past_rows BY NAME
SELECT *, $run AS replaced_by, $at::TIMESTAMP AS replaced_at
FROM stage_rows
WHERE (stage = $stage AND dialogue_id IN (SELECT unnest($ids::VARCHAR[])))
   OR stage IN (SELECT unnest($stages::VARCHAR[]))
