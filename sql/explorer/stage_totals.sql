SELECT stage, stage_index, sum(attempted)::BIGINT AS attempted, sum(accepted)::BIGINT AS accepted,
       sum(rejected)::BIGINT AS rejected, sum(failed)::BIGINT AS failed
FROM memory.main.stage_totals
WHERE $domain IS NULL OR domain = $domain
GROUP BY stage, stage_index
ORDER BY stage_index
