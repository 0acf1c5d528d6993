"""kill -9 at random moments; `benchmarks/kill_resume.py` tries twenty."""

from __future__ import annotations

import random
from pathlib import Path

from benchmarks.kill_resume import IN_FLIGHT, trials


def test_what_was_paid_survives_kills(tmp_path: Path) -> None:
    seed = random.SystemRandom().randrange(10**6)
    for moment in trials(tmp_path, 2, seed, dialogues=2):
        told = f"seed {seed}: {moment}"
        assert moment.same, told
        assert moment.doubles == 0, told
        assert moment.repeated <= IN_FLIGHT, told
        assert moment.asked - moment.calls <= IN_FLIGHT, told
