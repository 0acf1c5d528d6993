-- The turns of one chunk, each JSON text parsed once. A skeleton has its turns in sub-trajectories, a refined dialogue
-- below `dialogue`.
CREATE OR REPLACE TEMP TABLE turns AS
WITH parsed AS (
    SELECT row, from_json(text, '{
        "turns": [{
            "role": "VARCHAR", "sub_task": "INTEGER", "content": "VARCHAR",
            "tool_calls": [{"name": "VARCHAR", "arguments": "JSON"}],
            "outputs": [{"name": "VARCHAR", "is_error": "BOOLEAN", "content": "JSON"}],
            "origin": {"injection": "VARCHAR", "sub_type": "VARCHAR"}
        }],
        "dialogue": {"turns": [{
            "role": "VARCHAR", "sub_task": "INTEGER", "content": "VARCHAR",
            "tool_calls": [{"name": "VARCHAR", "arguments": "JSON"}],
            "outputs": [{"name": "VARCHAR", "is_error": "BOOLEAN", "content": "JSON"}],
            "origin": {"injection": "VARCHAR", "sub_type": "VARCHAR"}
        }]},
        "sub_trajectories": [{"turns": [{
            "role": "VARCHAR", "sub_task": "INTEGER", "content": "VARCHAR",
            "tool_calls": [{"name": "VARCHAR", "arguments": "JSON"}],
            "outputs": [{"name": "VARCHAR", "is_error": "BOOLEAN", "content": "JSON"}],
            "origin": {"injection": "VARCHAR", "sub_type": "VARCHAR"}
        }]}]
    }') AS found
    FROM texts SEMI JOIN readings USING (row)
),
lists AS (
    SELECT row, coalesce(
        found.dialogue.turns, found.turns, flatten(list_transform(found.sub_trajectories, lambda part: part.turns))
    ) AS turns
    FROM parsed
),
each AS (
    SELECT row, generate_subscripts(turns, 1) AS position, unnest(turns) AS turn FROM lists
)
SELECT row, position, turn.role AS role, turn.sub_task AS sub_task, coalesce(turn.content, '') AS content,
       coalesce(turn.tool_calls, []) AS calls, coalesce(turn.outputs, []) AS outputs,
       turn.origin.injection AS injection, coalesce(turn.origin.sub_type, turn.origin.injection) AS mark,
       CASE WHEN turn.role = 'user' THEN measuring.tokens_of(turn.content) END AS tokens
FROM each
