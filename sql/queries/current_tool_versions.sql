SELECT name, fingerprint FROM domain_tools WHERE is_current ORDER BY name
