SELECT question, passes, turn_id, quote, reason, call_id FROM expert_answers WHERE dialogue_id = $id ORDER BY question
