SELECT name, definition FROM borrowed_tools WHERE is_current ORDER BY name
