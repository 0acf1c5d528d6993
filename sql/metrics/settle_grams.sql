INSERT INTO measuring.grams SELECT $domain, n, gram, sum(attempted), sum(accepted) FROM chunk_grams GROUP BY n, gram
