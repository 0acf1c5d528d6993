-- What is kept, by everything it can be listed by. Ages are the lower ends of ranges, in days.
SELECT model, stage, domain, NULL AS in_use, count(*) AS texts, sum(size) AS size,
       min(created_at) AS oldest, max(last_used) AS last_used,
       CASE WHEN days < 1 THEN 0 WHEN days < 7 THEN 1 WHEN days < 30 THEN 7 WHEN days < 90 THEN 30 ELSE 90 END AS age
FROM (SELECT *, julianday(:now) - julianday(created_at) AS days FROM calls)
GROUP BY model, stage, domain, age
