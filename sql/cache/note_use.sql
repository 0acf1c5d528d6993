-- At most once in a while for each response: a cache that is only read stays a file that is only read.
UPDATE calls SET last_used = :now
WHERE key IN (SELECT value FROM json_each(:keys)) AND last_used < :before
