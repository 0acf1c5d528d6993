-- What is kept, by everything it can be listed by. Ages are the lower ends of ranges, in days.
SELECT model, stage, domain, in_use, count(*) AS texts, sum(size)::BIGINT AS size,
       CAST(min(created) AS VARCHAR) AS oldest, CAST(max(last_used) AS VARCHAR) AS last_used,
       CASE WHEN days < 1 THEN 0 WHEN days < 7 THEN 1 WHEN days < 30 THEN 7 WHEN days < 90 THEN 30 ELSE 90 END AS age
FROM (SELECT *, date_diff('day', created, $now::TIMESTAMP) AS days FROM stored_texts)
GROUP BY ALL
