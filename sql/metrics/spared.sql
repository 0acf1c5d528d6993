-- Figures of a model of entailment over the very dialogues that were measured anew without one.
SELECT domain, over, metric, part, value, count, sample, entailment FROM metrics
WHERE metric = $kept AND content = $content AND measured_at = (SELECT max(measured_at) FROM metrics)
ORDER BY rowid
