"""Stage 1, coarse-grained initialization: task plans, task specs, skeletons.

Belongs here: everything up to a structurally sound, coarse dialogue. Does not
belong here: improving it (``refinement``) or judging it (``verification``).
"""
