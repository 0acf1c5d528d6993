-- Only of the call that is there: an older response does not take the place of a newer one.
INSERT OR REPLACE INTO texts (id, response)
SELECT id, :response FROM calls WHERE key = :key AND created_at = :created_at
