"""Stateful implementations of shipped tool domains.

Belongs here: one module for each domain that runs for real, and what they share.
Does not belong here: tool definitions (``tool_pool/shipped``). Standard library
only: this code runs in the confined process.
"""
