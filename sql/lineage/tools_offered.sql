-- Every version of every tool of a domain's file; those that are current last.
SELECT name, fingerprint, definition, source, is_current FROM borrowed_tools
UNION ALL
SELECT name, fingerprint, definition, source, is_current FROM domain_tools
ORDER BY is_current
