-- Earlier versions of rows beyond the newest `keep` of each, replaced before `before`.
SELECT stage, dialogue_id, replaced_at, length(CAST(payload AS VARCHAR)) AS bytes
FROM past_rows
QUALIFY row_number() OVER (PARTITION BY stage, dialogue_id ORDER BY replaced_at DESC, rowid DESC) > $keep
    AND replaced_at < $before::TIMESTAMP
