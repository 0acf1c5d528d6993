"""One session: the forked process in which the calls of one dialogue are run.

Belongs here: making the object with the tools, calling it, answering. Does not
belong here: forking (``zygote``), bounds (``confinement``). Standard library only.
"""

from __future__ import annotations

import asyncio
import datetime as dt
import errno
import inspect
import json
import os
import random
import socket
import tempfile
from collections.abc import Callable
from typing import Any

from toolace_dagster.execution import frames
from toolace_dagster.execution.confinement import confine_session
from toolace_dagster.execution.plain import NotJson, as_json, error_text

TODAY = "DIALOGUE_TODAY"
"""Variable of the environment that tells tools the dialogue's day, as ISO 8601; not set where none is known."""

_REFUSED = (errno.EPERM, errno.EACCES, errno.EFBIG, errno.EMFILE, errno.EAGAIN, errno.ENOSPC)


def serve(sock: socket.socket, holder: Any, start: dict[str, Any]) -> None:
    """Answer calls until the other side closes the socket.

    Args:
        sock: The session's socket.
        holder: The class or module that has the tools.
        start: ``nonce``, ``folder``, ``seed``, ``today``, ``limits``, ``hidden``, ``result_bytes``.
    """
    nonce = bytes.fromhex(start["nonce"])
    folder = start["folder"]
    today = start["today"]
    os.environ.update({"HOME": folder, "TMPDIR": folder} | ({TODAY: today} if today else {}))
    tempfile.tempdir = None
    os.chdir(folder)
    random.seed(start["seed"])
    confine_session(folder, **start["limits"])
    hidden = [folder, *start["hidden"]]
    tools = holder
    if isinstance(holder, type):
        ready = _guarded(lambda: _instance(holder, start["seed"], today), hidden)
        if "value" not in ready:
            frames.send(sock, nonce, ready)
            return
        tools = ready["value"]
    frames.send(sock, nonce, {"ready": True})
    while True:
        try:
            asked, _ = frames.receive(sock, nonce)
        except EOFError:
            return
        sock.sendall(frames.packed(nonce, _answer(tools, asked, hidden, start["result_bytes"])))


def tool_of(holder: Any, name: str) -> Callable[..., Any] | None:
    """The function or method of a name; None when it is private, missing or nothing to call."""
    found = None if name.startswith("_") else getattr(holder, name, None)
    return found if callable(found) else None


def _instance(kind: type, seed: int, today: str | None) -> Any:
    """An instance, with those of the dialogue's seed and day that its constructor asks for."""
    known = {"seed": seed, "today": dt.date.fromisoformat(today) if today else None}
    try:
        asked = inspect.signature(kind).parameters
    except ValueError:
        return kind()
    return kind(**{name: value for name, value in known.items() if name in asked})


def _answer(tools: Any, asked: dict[str, Any], hidden: list[str], limit: int) -> bytes:
    tool = tool_of(tools, asked["name"])
    if tool is None:
        return _fatal("crashed", f"there is no tool {asked['name']}")
    done = _guarded(lambda: _called(tool, asked["arguments"]), hidden)
    if "value" not in done:
        return json.dumps(done).encode()
    try:
        value = as_json(done["value"])
    except NotJson as fault:
        return _fatal("not_json", f"what it returned has no JSON form: {error_text(fault, hidden)}")
    except MemoryError:
        return _fatal("memory", "it ran out of memory")
    if len(value) > limit:
        return _fatal("too_large", f"its result has {len(value):,} bytes, more than {limit:,}")
    return b'{"value":' + value + b"}"


def _called(tool: Callable[..., Any], arguments: dict[str, Any]) -> Any:
    """Call a tool by the names of its parameters, those too that Python takes by position alone."""
    try:
        parameters = inspect.signature(tool).parameters.values()
    except (TypeError, ValueError):
        return tool(**arguments)
    named = dict(arguments)
    by_position = [each.name for each in parameters if each.kind is inspect.Parameter.POSITIONAL_ONLY]
    given: list[Any] = []
    for name in by_position:
        if name not in named:
            break
        given.append(named.pop(name))
    return tool(*given, **named)


def _guarded(call: Callable[[], Any], hidden: list[str]) -> dict[str, Any]:
    """Call, and tell a tool's error (legitimate content) from the end of the session."""
    try:
        value = call()
        return {"value": asyncio.run(_awaited(value)) if inspect.isawaitable(value) else value}
    except MemoryError:
        return {"fatal": "memory", "message": "it ran out of memory"}
    except RecursionError:
        return {"fatal": "recursion", "message": "it recursed too deeply"}
    except OSError as raised:
        # Raised by the system, not by the tool's own words: our bounds are no content of a dialogue.
        if raised.errno in _REFUSED:
            return {"fatal": "confined", "message": f"it went beyond its bounds: {error_text(raised, hidden)}"}
        return {"error": error_text(raised, hidden)}
    except Exception as raised:
        return {"error": error_text(raised, hidden)}
    except BaseException as raised:
        # SystemExit and its like: the tool wanted this process to end.
        return {"fatal": "crashed", "message": f"it raised {type(raised).__name__}"}


async def _awaited(value: Any) -> Any:
    return await value


def _fatal(kind: str, message: str) -> bytes:
    return json.dumps({"fatal": kind, "message": message}).encode()
