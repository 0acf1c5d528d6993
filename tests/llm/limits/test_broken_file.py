"""A shared file that can't be used, or that somebody breaks: calls go on, and it is said once."""

from __future__ import annotations

import asyncio
import fcntl
import os
import random
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from toolace_dagster.llm.limits import Limiter, Limits


async def use(limiter: Limiter, count: int = 20) -> None:
    """A few calls, no more at once than allowed, in less than a few seconds."""

    async def call() -> None:
        permit = await limiter.admit(10)
        assert limiter.in_flight <= 4
        await asyncio.sleep(0.001)
        permit.answered(10)

    await asyncio.wait_for(asyncio.gather(*(call() for _ in range(count))), 5)


def only_file(folder: Path) -> Path:
    """The file of the one endpoint there is."""
    (file,) = folder.iterdir()
    return file


def test_unwritable_home_is_said_once(tmp_path: Path) -> None:
    (tmp_path / "limits").write_text("a file where the folder should be")
    notes: list[str] = []
    limiter = Limiter(Limits(4), tmp_path / "limits", on_note=notes.append)
    for _ in range(3):
        asyncio.run(use(limiter))
    assert notes == [limiter.note]
    assert str(tmp_path) in limiter.note
    assert "run one domain at a time" in limiter.note


def test_by_default_it_is_a_warning(tmp_path: Path) -> None:
    (tmp_path / "limits").write_text("")
    with pytest.warns(RuntimeWarning, match="not shared with other processes"):
        asyncio.run(use(Limiter(Limits(4), tmp_path / "limits")))


def test_a_directory_in_its_place(tmp_path: Path) -> None:
    with Limiter(Limits(4), tmp_path, on_note=print) as limiter:
        asyncio.run(use(limiter))
    file = only_file(tmp_path)
    file.unlink()
    file.mkdir()
    notes: list[str] = []
    asyncio.run(use(Limiter(Limits(4), tmp_path, on_note=notes.append)))
    assert len(notes) == 1


def garbage(file: Path) -> None:
    file.write_bytes(random.Random(1).randbytes(file.stat().st_size))


def empty(file: Path) -> None:
    os.truncate(file, 0)


def half(file: Path) -> None:
    os.truncate(file, 300)


def gone(file: Path) -> None:
    file.unlink()


def replaced(file: Path) -> None:
    file.unlink()
    file.write_bytes(b"something else")


def ones(file: Path) -> None:
    """The right first number, and not-a-numbers everywhere else."""
    with file.open("r+b") as opened:
        opened.seek(8)
        opened.write(b"\xff" * (file.stat().st_size - 8))


@pytest.mark.parametrize("damage", [garbage, empty, half, gone, replaced, ones])
def test_a_file_broken_under_way_is_mended(damage: Callable[[Path], None], tmp_path: Path) -> None:
    one, other = (Limiter(Limits(4, 60_000, 6_000_000), tmp_path) for _ in range(2))

    async def work() -> None:
        await use(one)
        await use(other)
        damage(only_file(tmp_path))
        for _ in range(3):
            await asyncio.sleep(0.11)
            await use(one)
            await use(other)
        held = [await one.admit() for _ in range(2)] + [await other.admit() for _ in range(2)]
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(other.admit(), 0.3)
        for permit in held:
            permit.answered()

    asyncio.run(work())
    assert (one.note, other.note) == ("", "")


def test_whoever_keeps_the_lock_stops_nobody(tmp_path: Path) -> None:
    with Limiter(Limits(4), tmp_path) as limiter:
        asyncio.run(use(limiter))
    with only_file(tmp_path).open("r+b") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        begun = time.monotonic()
        asyncio.run(use(Limiter(Limits(4), tmp_path)))
        assert time.monotonic() - begun < 2


def test_more_limiters_than_places(tmp_path: Path) -> None:
    notes: list[str] = []
    limiters = [Limiter(Limits(200), tmp_path, on_note=notes.append) for _ in range(66)]

    async def work() -> None:
        for limiter in limiters:
            (await asyncio.wait_for(limiter.admit(), 2)).answered()

    asyncio.run(work())
    assert 1 <= len(notes) <= 2
    for limiter in limiters:
        limiter.close()


def test_a_disk_that_fills_up_while_writing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    notes: list[str] = []
    limiter = Limiter(Limits(4), tmp_path, on_note=notes.append)
    asyncio.run(use(limiter))

    def full(*_: object) -> int:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "pwrite", full)
    asyncio.run(use(limiter))
    assert len(notes) == 1
    assert "No space left on device" in notes[0]
    assert limiter.in_flight == 0
