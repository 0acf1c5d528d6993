"""Which tests one worker does, where several share the work.

Not by marks of groups: xdist 3.8 writes those into a place that pytest 9.2 doesn't read any more, and says nothing.
"""

from __future__ import annotations

from xdist.scheduler import LoadScopeScheduling

TOGETHER = {
    "ablation": ("tests/experiments/test_figures.py", "tests/experiments/test_making.py"),
    "finished": tuple(
        f"tests/pipeline/test_{name}.py"
        for name in ("argument_sources", "dataset", "estimate", "lineage", "one_domain", "planted_faults", "staleness")
    ),
    "interrupted": ("tests/cli/test_interrupted.py",),
    "regenerated": ("tests/pipeline/test_regeneration.py",),
    "played": ("tests/pipeline/test_simulation.py",),
    "users": ("tests/offline_model/test_variety.py",),
    "wheel": ("tests/packaging/test_wheel.py",),
}
"""Modules whose tests read what takes seconds to make, by what it is: each worker that does any of them makes it."""


class ByWhatIsMade(LoadScopeScheduling):
    """Gives each test to whoever is free, but keeps those together that share what is costly."""

    def _split_scope(self, nodeid: str) -> str:
        module = nodeid.partition("::")[0]
        return next((name for name, modules in TOGETHER.items() if module in modules), nodeid)
