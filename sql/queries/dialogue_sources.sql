SELECT stage, turn_id, path, value, state, kind, identifier, source_turn, source_path, reason
FROM argument_sources
WHERE dialogue_id = $id
ORDER BY stage_index, position
