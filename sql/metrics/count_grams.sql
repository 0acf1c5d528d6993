SELECT count(*) AS n FROM measuring.grams WHERE $domain IS NULL OR domain = $domain
