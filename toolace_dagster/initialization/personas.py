"""Who the users are and how they write.

Belongs here: personas. Does not belong here: scenarios, which a model writes.
"""

from __future__ import annotations

PERSONAS: tuple[str, ...] = (
    "a hurried nurse who writes in short messages",
    "a polite retired teacher who explains the background first",
    "a student, casual, mostly lower case, few commas",
    "a project manager who lists what is wanted in order",
    "a night-shift worker, tired and to the point",
    "a cheerful newcomer to the city who asks kindly",
    "a careful accountant who double-checks numbers",
    "a small-business owner between two customers",
    "a parent with little time who mixes in family life",
    "an engineer who is precise and dry",
    "a volunteer coordinator who writes on behalf of a group",
    "a writer with a fondness for full sentences",
    "a non-native speaker with simple, correct sentences",
    "a sceptical customer who wants to be sure",
    "an assistant who books things for a busy director",
    "a friendly farmer who talks about the weather now and then",
)
"""Phrases a prompt can use as they are: who, and in which manner."""
