SELECT chunk, min(slot) AS low, max(slot) AS high FROM picked GROUP BY chunk ORDER BY chunk
