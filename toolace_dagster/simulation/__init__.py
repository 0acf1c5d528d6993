"""The baseline: dialogues by multi-agent simulation, turn by turn over the same task specs.

A user agent, an assistant agent and a tool agent take turns, as in the methods that the
paper compares itself with. Tools that are run for real take the tool agent's place.
This is the one part that asks a model turn by turn, on purpose.

Belongs here: the agents, what they are told, when a simulation ends. Does not belong
here: anything the other method uses as well (task specs, verification).
"""
