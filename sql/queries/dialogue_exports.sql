SELECT split, format, file, line FROM export_lines WHERE dialogue_id = $id ORDER BY format, file
