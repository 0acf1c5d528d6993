"""The explorer: pages on dialogues and failures, made on the server, for `toolace explore`.

Belongs here: what a browser is shown, and serving it. Does not belong here: reading
a dialogue's story (``reporting``), or changing anything.
"""
