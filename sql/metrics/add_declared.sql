INSERT INTO measuring.declared
SELECT $domain, name, NULL FROM domain_tools WHERE is_current
UNION ALL
SELECT $domain, name, unnest(json_keys(definition, '$.parameters.properties')) FROM domain_tools WHERE is_current
