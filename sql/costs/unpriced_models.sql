-- Models whose calls have no price.
SELECT model, endpoint, count(*) AS calls FROM call_costs WHERE cost IS NULL GROUP BY ALL ORDER BY calls DESC
