-- How many turns there are after the last round, but for what tools really answered, and for how many of them a pass
-- wrote a fill that was not discarded.
WITH finals AS (
    SELECT dialogue_id, unnest(dialogue -> '$.turns[*]') AS turn
    FROM (
        SELECT dialogue_id, dialogue FROM refinement_rounds WHERE dialogue IS NOT NULL
        QUALIFY row_number() OVER (PARTITION BY dialogue_id ORDER BY round DESC) = 1
    )
),
refined AS (
    SELECT DISTINCT dialogue_id, replacement ->> '$.before.id' AS turn_id
    FROM (
        SELECT dialogue_id, unnest(replacements -> '$[*]') AS replacement
        FROM edits WHERE operation = 'reasonability_refinement' AND outcome <> 'discarded'
    )
)
SELECT count(*) AS turns, count(refined.turn_id) AS refined
FROM finals
LEFT JOIN refined ON refined.dialogue_id = finals.dialogue_id AND refined.turn_id = finals.turn ->> '$.id'
WHERE json_array_length(turn -> '$.outputs') = 0
   OR len(list_filter(turn ->> '$.outputs[*].source', lambda source: source <> 'executed')) > 0
