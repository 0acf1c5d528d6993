-- User turns of the accepted dialogues of a domain that were drawn first.
WITH first AS (
    SELECT DISTINCT draw FROM measuring.sampled WHERE accepted AND domain = $domain ORDER BY draw LIMIT $size
)
SELECT draw, tokens FROM measuring.sampled SEMI JOIN first USING (draw)
WHERE accepted AND domain = $domain AND role = 'user'
ORDER BY draw, position
