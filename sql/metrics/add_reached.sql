INSERT INTO measuring.reached
SELECT $domain, stage, count(*) FILTER (state <> 'failed') FROM stage_rows GROUP BY stage
