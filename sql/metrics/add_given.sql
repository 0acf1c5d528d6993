INSERT INTO chunk_given
WITH called AS (
    SELECT row, unnest(calls) AS call FROM turns WHERE len(calls) > 0
),
arguments AS (
    SELECT row, call.name AS tool, NULL AS parameter, NULL::UBIGINT AS value FROM called
    UNION ALL
    SELECT row, tool, entry.key AS parameter, hash(entry.value::VARCHAR) AS value
    FROM (
        SELECT row, call.name AS tool, unnest(map_entries(from_json(call.arguments, '"MAP(VARCHAR, JSON)"'))) AS entry
        FROM called WHERE json_type(call.arguments) = 'OBJECT'
    )
)
SELECT tool, parameter, value, count(*) FILTER (r.attempted) AS attempted, count(*) FILTER (r.accepted) AS accepted
FROM arguments JOIN readings AS r USING (row)
GROUP BY tool, parameter, value
