INSERT INTO measuring.ends
SELECT $domain, count(*), count(*) FILTER (state = 'accepted'), count(*) FILTER (state <> 'unfinished') FROM outcomes
