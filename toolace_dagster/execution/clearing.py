"""Removing folders that tools have filled.

Belongs here: removal that what lies in a folder cannot bring down. Does not
belong here: when a folder has done its service (``python_backend``, ``worker``).
"""

from __future__ import annotations

import os
from itertools import count


def remove_tree(folder: str) -> None:
    """Remove a folder and all in it; links are not followed, and what cannot be removed stays.

    Folders in folders are first moved up: ``shutil.rmtree`` calls itself for each level, and a tool can nest more of
    them than calls can nest, at paths longer than the system takes.

    Args:
        folder: The folder; one that is gone already is none to remove.
    """
    names = (f"{number}.cleared" for number in count())
    try:
        waiting = _emptied(folder)
        while waiting:
            inner = waiting.pop()
            for below in _emptied(inner):
                free = next(path for name in names if not os.path.lexists(path := os.path.join(folder, name)))
                os.rename(below, free)
                waiting.append(free)
            os.rmdir(inner)
        os.rmdir(folder)
    except OSError:
        return


def _emptied(folder: str) -> list[str]:
    """Remove all that lies directly in a folder but its folders; these."""
    with os.scandir(folder) as found:
        entries = list(found)
    for entry in entries:
        if not entry.is_dir(follow_symlinks=False):
            os.unlink(entry.path)
    return [entry.path for entry in entries if entry.is_dir(follow_symlinks=False)]
