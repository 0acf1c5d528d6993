-- What each check objected to. An expert looked at the dialogues it was asked about; all others at what reached their stage.
INSERT INTO measuring.checks
SELECT $domain, check_id, 'verification', NULL, count(DISTINCT dialogue_id)
FROM findings
WHERE stage = 'verification' AND severity = 'hard' AND NOT starts_with(check_id, 'expert.')
GROUP BY check_id
UNION ALL
SELECT $domain, 'expert.' || a.question, 'verification', count(DISTINCT a.dialogue_id), count(DISTINCT f.dialogue_id)
FROM expert_answers AS a
LEFT JOIN findings AS f ON f.stage = a.stage AND f.dialogue_id = a.dialogue_id AND f.severity = 'hard'
    AND f.check_id = 'expert.' || a.question
WHERE a.stage = 'verification'
GROUP BY a.question
UNION ALL
SELECT $domain, check_id, stage, NULL, count(*)
FROM stage_rows
WHERE state = 'rejected' AND check_id IS NOT NULL AND stage NOT IN ('verification', 'verified_dialogues')
GROUP BY check_id, stage
