-- A shape is the sequence of roles with the tools called and what was injected; an opening the first five words.
INSERT INTO measuring.dialogues
WITH placed AS (
    SELECT *, lead(role) OVER w = 'user' AND lead(sub_task) OVER w = sub_task AS goes_on
    FROM turns WINDOW w AS (PARTITION BY row ORDER BY position)
),
answered AS (
    SELECT row, position, unnest(outputs) AS output FROM turns WHERE role = 'tool'
),
outputs AS (
    SELECT row, count(*) AS outputs, count(*) FILTER (failed) AS errors, count(*) FILTER (failed AND last_good > position) AS recovered
    FROM (
        SELECT row, position, coalesce(output.is_error, false) AS failed,
               max(CASE WHEN output.is_error THEN NULL ELSE position END) OVER (PARTITION BY row, output.name) AS last_good
        FROM answered
    )
    GROUP BY row
),
whole AS (
    SELECT row,
           count(*) FILTER (role = 'user') AS user_turns,
           coalesce(sum(len(tokens)), 0) AS words,
           count(*) AS turns,
           count(*) FILTER (len(calls) > 0) AS steps,
           sum(len(calls)) AS calls,
           sum(length(content) + coalesce(list_sum(list_transform(calls, lambda c: length(c.arguments))), 0)
               + coalesce(list_sum(list_transform(outputs, lambda o: length(o.content))), 0)) AS characters,
           count(DISTINCT sub_task) AS requests,
           count(DISTINCT sub_task) FILTER (
               role = 'assistant' AND len(calls) = 0 AND goes_on
               AND measuring.asks(content)
           ) AS asked_back,
           list(DISTINCT injection) FILTER (injection IS NOT NULL) AS injections,
           hash(string_agg(
               role || coalesce('<' || mark || '>', '')
               || CASE WHEN len(calls) > 0 THEN '(' || array_to_string(list_transform(calls, lambda c: c.name), ',') || ')' ELSE '' END,
               ' ' ORDER BY position
           )) AS shape,
           hash(arg_min(tokens[:5], position) FILTER (role = 'user')) AS opening
    FROM placed
    GROUP BY row
)
SELECT $domain, a.accepted, user_turns, words, turns, steps, calls, characters, requests, asked_back,
       coalesce(o.outputs, 0), coalesce(o.errors, 0), coalesce(o.recovered, 0), coalesce(injections, []), shape, opening
FROM whole JOIN readings AS r USING (row) LEFT JOIN outputs AS o USING (row)
JOIN (VALUES (false), (true)) AS a(accepted) ON CASE WHEN a.accepted THEN r.accepted ELSE r.attempted END
