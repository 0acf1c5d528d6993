DELETE FROM calls WHERE id IN (SELECT value FROM json_each(:ids))
