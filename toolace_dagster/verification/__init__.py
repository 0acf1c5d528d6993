"""Stage 3, offline verification: rules, experts, verdict.

Belongs here: finding what is wrong with a finished dialogue and deciding. Does
not belong here: changing it.
"""
