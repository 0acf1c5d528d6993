SELECT name, fingerprint, definition FROM borrowed_tools
UNION ALL
SELECT name, fingerprint, definition FROM domain_tools
