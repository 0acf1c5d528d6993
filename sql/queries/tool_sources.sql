SELECT source, licence, count(*) AS tools FROM domain_tools WHERE is_current GROUP BY ALL ORDER BY source, licence
