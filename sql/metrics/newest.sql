SELECT domain, over, metric, part, value, count FROM metrics
WHERE measured_at = (SELECT max(measured_at) FROM metrics)
ORDER BY rowid
