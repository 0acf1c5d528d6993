-- How many accepted dialogues of each domain are in the sample.
SELECT domain, count(DISTINCT draw) AS dialogues FROM measuring.sampled WHERE accepted GROUP BY domain ORDER BY domain
