-- The turns of the sample: of one domain, or of all the dialogues drawn first.
WITH chosen AS (
    SELECT DISTINCT domain, accepted, draw FROM measuring.sampled
    WHERE $domain IS NULL OR domain = $domain
),
first AS (
    SELECT * FROM chosen QUALIFY row_number() OVER (PARTITION BY accepted ORDER BY draw, domain) <= $sample
)
SELECT s.accepted, s.domain || '/' || s.draw AS dialogue, s.role, s.acts, s.text, s.tokens, s.content
FROM measuring.sampled AS s SEMI JOIN first AS f
  ON f.domain = s.domain AND f.accepted = s.accepted AND f.draw = s.draw
ORDER BY s.accepted, dialogue, s.position
