-- The texts of one chunk, decompressed once.
CREATE OR REPLACE TEMP TABLE texts AS
SELECT rowid AS row, payload::VARCHAR AS text FROM stage_rows
WHERE slot BETWEEN $low AND $high AND rowid IN (
    SELECT generated FROM picked WHERE chunk = $chunk UNION ALL SELECT kept FROM picked WHERE chunk = $chunk
)
