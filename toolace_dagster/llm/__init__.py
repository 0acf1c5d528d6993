"""The gateway to a model: typed requests in, typed results out.

Belongs here: the request contract, transport, retries, structured output,
journal and cache, and the offline model behind the same protocol. Does not
belong here: prompts, or what a stage does with a reply.
"""
