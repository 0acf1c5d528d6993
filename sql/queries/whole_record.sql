-- How a model did with skeletons it was asked to write whole.
SELECT
    count(*) AS tried,
    count(*) FILTER (payload ->> '$.written' <> 'whole') AS failed
FROM stage_rows
WHERE
    stage = 'skeletons'
    AND payload ->> '$.model' = $model
    AND (payload ->> '$.written' = 'whole' OR payload ->> '$.whole_fault' <> '');
