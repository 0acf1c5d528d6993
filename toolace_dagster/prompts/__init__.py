"""Prompt templates as files, and how they become messages.

Belongs here: templates, rendering, hashes of prompts. Does not belong here: when
a prompt is sent, or what is done with the reply.
"""

from toolace_dagster.prompts.render import PROMPT_NAMES, prompt_hash, render

__all__ = ["PROMPT_NAMES", "prompt_hash", "render"]
