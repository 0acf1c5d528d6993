SELECT count(*) AS attempted,
       count(*) FILTER (state = 'accepted') AS accepted,
       count(*) FILTER (state = 'rejected') AS rejected,
       count(*) FILTER (state = 'failed') AS failed,
       count(*) FILTER (state = 'unfinished') AS unfinished
FROM outcomes
