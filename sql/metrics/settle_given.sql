INSERT INTO measuring.given
SELECT $domain, tool, parameter, value, sum(attempted), sum(accepted) FROM chunk_given GROUP BY tool, parameter, value
