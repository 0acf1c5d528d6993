"""``python -m toolace_dagster``: the command line, where no script was installed.

Belongs here: nothing but the call. Does not belong here: commands (``cli``).
"""

import sys

from toolace_dagster.cli import main

sys.exit(main())
