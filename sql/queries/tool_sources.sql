SELECT name, source, licence FROM domain_tools WHERE is_current ORDER BY name
