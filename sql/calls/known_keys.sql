-- Which requests have a usable response.
SELECT DISTINCT key FROM model_calls WHERE usable
