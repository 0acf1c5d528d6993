"""A home of as many dialogues as a benchmark wants, made from a real run or taken from where an earlier one left it.

Belongs here: the options of such benchmarks, and finding or building the home. Does not belong here: how dialogues are
multiplied, or what is measured.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Generator
from contextlib import contextmanager
from pathlib import Path

from toolace_dagster.warehouse import Warehouse


@contextmanager
def big_home(description: str | None, build: Callable[[Warehouse, Warehouse, int], None]) -> Generator[Path]:
    """Read the command line, and give the home it asks for.

    Args:
        description: What ``--help`` says.
        build: Fills the second warehouse with so many dialogues made from those of the first.
    """
    parser = argparse.ArgumentParser(description=description, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--home", type=Path, help="a home that `toolace run` made")
    parser.add_argument("--dialogues", type=int, default=100_000)
    parser.add_argument("--keep", type=Path, help="build in this folder, or use what was built there")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        big = options.keep or Path(folder) / "big"
        if not Warehouse(big).domains():
            home = options.home or Path(folder) / "home"
            if options.home is None:
                words = ["run", "--home", str(home), "--error-rate", "2"]
                subprocess.run([sys.executable, "-m", "toolace_dagster", *words], check=True, stdout=subprocess.DEVNULL)
            started = time.perf_counter()
            build(Warehouse(home), Warehouse(big), options.dialogues)
            print(f"built in {time.perf_counter() - started:.0f} s", flush=True)
        size = sum(path.stat().st_size for path in (big / "warehouse").rglob("*.duckdb"))
        print(f"{size / 2**30:.1f} GiB in {len(Warehouse(big).domains())} domains", flush=True)
        yield big
