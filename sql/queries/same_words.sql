-- Verified dialogues whose user says the very same things, but for case and spaces, as an earlier one's.
WITH words AS (
    SELECT dialogue_id, slot,
           lower(regexp_replace(string_agg(turn ->> '$.content', ' ' ORDER BY position), '\s+', ' ', 'g')) AS said
    FROM (
        SELECT dialogue_id, slot, unnest(dialogue -> '$.turns[*]') AS turn,
               generate_subscripts(dialogue -> '$.turns[*]', 1) AS position
        FROM verified_dialogues
    )
    WHERE turn ->> '$.role' = 'user'
    GROUP BY dialogue_id, slot
)
SELECT dialogue_id, first(dialogue_id) OVER (PARTITION BY said ORDER BY slot, dialogue_id) AS original
FROM words
QUALIFY dialogue_id <> original
ORDER BY dialogue_id
