"""What a person reads: dialogues, counts and the story of one dialogue as Markdown or plain text.

Belongs here: rendering of what the warehouse holds. Does not belong here: making
or changing it.
"""
