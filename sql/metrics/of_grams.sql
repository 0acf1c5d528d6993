-- Sums over one part of all n-grams, which are parted by their hashes so that memory holds one part at a time:
-- how many different ones, how many in all, and sum(n * log2(n)). Without the casts the modulo would be one of 128 bits,
-- which takes longer than all the rest.
WITH merged AS (
    SELECT n, gram, sum(attempted) AS attempted, sum(accepted) AS accepted
    FROM measuring.grams
    WHERE ($domain IS NULL OR domain = $domain) AND gram % $parts::UBIGINT = $part::UBIGINT
    GROUP BY n, gram
)
SELECT n, accepted_ones AS accepted, count(*) AS different, sum(times)::BIGINT AS total, sum(times * log2(times)) AS weighted
FROM (
    SELECT n, false AS accepted_ones, attempted AS times FROM merged WHERE attempted > 0
    UNION ALL
    SELECT n, true, accepted FROM merged WHERE accepted > 0
)
GROUP BY n, accepted_ones
