"""Experiments: the same task specs under settings that differ in one thing, measured alike.

Belongs here: which arms there are, making their homes, measuring and comparing them.
Does not belong here: any stage (arms are made by the ordinary ones), Dagster
(``assets.experiments``), or printing (``cli``).
"""
