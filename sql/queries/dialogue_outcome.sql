SELECT * FROM outcomes WHERE dialogue_id = $id
