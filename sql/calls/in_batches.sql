-- Which calls came by some batches: a restarted run reads the batches' files again, and keeps no call twice.
SELECT batch_id, key FROM model_calls WHERE batch_id IN (SELECT unnest($ids::VARCHAR[]))
