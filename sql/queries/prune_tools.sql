DELETE FROM domain_tools
WHERE NOT is_current AND (name, fingerprint) IN (SELECT (unnest($name::VARCHAR[]), unnest($fingerprint::VARCHAR[])))
