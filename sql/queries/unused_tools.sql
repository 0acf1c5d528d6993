-- Versions of tools that are not current and that no row was made with, present or past and not prunable either.
WITH kept AS (
    SELECT payload FROM past_rows
    WHERE stage = 'task_specs'
    QUALIFY row_number() OVER (PARTITION BY stage, dialogue_id ORDER BY replaced_at DESC, rowid DESC) <= $keep
        OR replaced_at >= $before::TIMESTAMP
),
used AS (
    SELECT unnest(json_extract_string(payload, '$.tool_versions.*')) AS fingerprint
    FROM (SELECT payload FROM stage_rows WHERE stage = 'task_specs' UNION ALL SELECT payload FROM kept)
)
SELECT name, fingerprint FROM domain_tools
WHERE NOT is_current AND fingerprint NOT IN (SELECT fingerprint FROM used WHERE fingerprint IS NOT NULL)
ORDER BY name, fingerprint
