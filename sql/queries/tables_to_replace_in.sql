-- Which tables hold rows that are to be replaced: of some dialogues at a stage, or of stages that it takes the place of.
-- Ids are joined: a list of them would be gone through for each row.
SELECT 'stage_rows' AS name WHERE EXISTS (
    FROM stage_rows
    WHERE (stage = $stage AND dialogue_id IN (SELECT unnest($ids::VARCHAR[]))) OR list_contains($stages::VARCHAR[], stage)
)
UNION ALL
SELECT 'edits' AS name WHERE EXISTS (
    FROM edits
    WHERE (stage = $stage AND dialogue_id IN (SELECT unnest($ids::VARCHAR[]))) OR list_contains($stages::VARCHAR[], stage)
)
UNION ALL
SELECT 'findings' AS name WHERE EXISTS (
    FROM findings
    WHERE (stage = $stage AND dialogue_id IN (SELECT unnest($ids::VARCHAR[]))) OR list_contains($stages::VARCHAR[], stage)
)
UNION ALL
SELECT 'first_causes' AS name WHERE EXISTS (
    FROM first_causes
    WHERE (stage = $stage AND dialogue_id IN (SELECT unnest($ids::VARCHAR[]))) OR list_contains($stages::VARCHAR[], stage)
)
UNION ALL
SELECT 'expert_answers' AS name WHERE EXISTS (
    FROM expert_answers
    WHERE (stage = $stage AND dialogue_id IN (SELECT unnest($ids::VARCHAR[]))) OR list_contains($stages::VARCHAR[], stage)
)
UNION ALL
SELECT 'argument_sources' AS name WHERE EXISTS (
    FROM argument_sources
    WHERE (stage = $stage AND dialogue_id IN (SELECT unnest($ids::VARCHAR[]))) OR list_contains($stages::VARCHAR[], stage)
)
UNION ALL
SELECT 'task_plans' AS name WHERE EXISTS (
    FROM task_plans
    WHERE (stage = $stage AND dialogue_id IN (SELECT unnest($ids::VARCHAR[]))) OR list_contains($stages::VARCHAR[], stage)
)
UNION ALL
SELECT 'plan_distractors' AS name WHERE EXISTS (
    FROM plan_distractors
    WHERE (stage = $stage AND dialogue_id IN (SELECT unnest($ids::VARCHAR[]))) OR list_contains($stages::VARCHAR[], stage)
)
