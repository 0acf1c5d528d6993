"""Where settings come from: ``toolace.toml``, the environment, the command line.

Belongs here: names of settings, reading and laying them over each other. Does not
belong here: what they mean (``settings``), and options of commands (``cli``).
"""

from toolace_dagster.configuration.faults import ConfigurationError
from toolace_dagster.configuration.layers import Configuration, configure
from toolace_dagster.configuration.toml_file import CONFIG_FILE, CONFIG_VARIABLE, find_file

__all__ = ["CONFIG_FILE", "CONFIG_VARIABLE", "Configuration", "ConfigurationError", "configure", "find_file"]
