-- Of a tool turn the text is what the tools answered, of all others what was said; it is kept for a model of entailment.
INSERT INTO measuring.sampled
WITH said AS (
    SELECT row, position, role, len(calls) > 0 AS acts, tokens,
           CASE WHEN role = 'tool' THEN array_to_string(list_transform(outputs, lambda o: o.content::VARCHAR), ' ')
                ELSE content END AS text,
           list_filter(list_distinct(measuring.tokens_of(text)), lambda t: length(t) >= 4 OR (t >= '0' AND t < ':')) AS content
    FROM turns WHERE row IN (SELECT row FROM readings WHERE sampled OR sampled_kept)
)
SELECT $domain, a.accepted, r.draw, position, role, acts, CASE WHEN $texts THEN text END, tokens, said.content
FROM said JOIN readings AS r USING (row)
JOIN (VALUES (false), (true)) AS a(accepted) ON CASE WHEN a.accepted THEN r.sampled_kept ELSE r.sampled END
