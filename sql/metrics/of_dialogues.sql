-- Figures that are sums over dialogues, by domain and over all (domain null).
WITH sums AS (
    SELECT domain, accepted, count(*) AS dialogues, sum(user_turns) AS user_turns, sum(words) AS words, sum(turns) AS turns,
           sum(steps) AS steps, sum(calls) AS calls, sum(characters) AS characters, sum(requests) AS requests,
           sum(asked_back) AS asked_back, sum(outputs) AS outputs, sum(errors) AS errors, sum(recovered) AS recovered
    FROM measuring.dialogues
    GROUP BY GROUPING SETS ((domain, accepted), (accepted))
),
ends AS (
    SELECT domain, sum(attempted) AS attempted, sum(accepted) AS accepted, sum(ended) AS ended
    FROM measuring.ends GROUP BY GROUPING SETS ((domain), ())
),
figures AS (
    SELECT domain, accepted, unnest([
        {metric: 'user_turns', value: user_turns / dialogues, count: dialogues},
        {metric: 'calls_per_user_turn', value: calls / nullif(user_turns, 0), count: user_turns},
        {metric: 'steps', value: steps / dialogues, count: dialogues},
        {metric: 'turns', value: turns / dialogues, count: dialogues},
        {metric: 'characters', value: characters / dialogues, count: dialogues},
        {metric: 'words_per_user_turn', value: words / nullif(user_turns, 0), count: user_turns},
        {metric: 'clarification_rate', value: asked_back / nullif(requests, 0), count: requests},
        {metric: 'error_rate', value: errors / nullif(outputs, 0), count: outputs},
        {metric: 'error_recovery_rate', value: recovered / nullif(errors, 0), count: errors}
    ], recursive := true)
    FROM sums
    UNION ALL
    SELECT domain, accepted_ones, 'dialogues', CASE WHEN accepted_ones THEN accepted ELSE attempted END,
           CASE WHEN accepted_ones THEN accepted ELSE attempted END
    FROM ends, (VALUES (false), (true)) AS readings(accepted_ones)
    UNION ALL
    SELECT domain, false, 'pass_rate', accepted / nullif(ended, 0), ended FROM ends
)
SELECT domain, accepted, metric, NULL::VARCHAR AS part, value::DOUBLE AS value, count::BIGINT AS count
FROM figures
