"""Formats of tool definitions, one module each: from bytes to tool entries.

Belongs here: readers, and recognising which one a file needs. Does not belong
here: where files come from (``sources``) and what an entry means
(``normal_form``).
"""
