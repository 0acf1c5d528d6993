-- What the tools of a domain do, and those it borrows.
SELECT name, description FROM domain_tools WHERE is_current
UNION ALL
SELECT name, description
FROM borrowed_tools
WHERE is_current AND name NOT IN (SELECT name FROM domain_tools WHERE is_current)
