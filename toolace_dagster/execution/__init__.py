"""Running tools for real: confined Python code and live MCP servers.

Belongs here: sessions in which the calls of one dialogue are run, what keeps the
code of tools in bounds, clients of MCP servers. Does not belong here: which
dialogue calls what, or what a stage makes of a result. Nothing is imported here,
since the process that runs tools imports parts of this package and stays small.
"""
