"""Messages between the pipeline and the process that runs tools.

A frame is four bytes of length, the session's nonce, and JSON. It travels over a
socket pair of the session's own, never over standard output, so nothing a tool
prints is taken for a message. The nonce catches stray bytes; it is no proof
against code that digs it out of its own process, which can forge nothing but the
results of its own dialogue.

Belongs here: reading and writing frames over blocking and asynchronous sockets.
Does not belong here: what they say. Standard library only.
"""

from __future__ import annotations

import asyncio
import json
import socket
import struct
from collections.abc import Iterable
from typing import Any, cast

NONCE_BYTES = 16
_LENGTH = struct.Struct("!I")
_HEAD = _LENGTH.size + NONCE_BYTES
MAX_NESTING = 100
"""JSON nesting a result may have."""


class BadFrame(ValueError):
    """Bytes that are no frame of this session."""


class NotStorable(BadFrame):
    """A message whose JSON can't be kept in files and tables."""


class FrameTooLarge(BadFrame):
    """A frame that is larger than its reader takes."""


def packed(nonce: bytes, text: bytes) -> bytes:
    """One frame."""
    return _LENGTH.pack(len(text)) + nonce + text


def send(sock: socket.socket, nonce: bytes, message: Any, fds: list[int] | None = None) -> None:
    """Write one message to a blocking socket, with file descriptors if there are any."""
    frame = packed(nonce, json.dumps(message).encode())
    sent = socket.send_fds(sock, [frame], fds) if fds else 0
    sock.sendall(frame[sent:])


def receive(sock: socket.socket, nonce: bytes) -> tuple[Any, list[int]]:
    """Read one message from a blocking socket, with the descriptors that came along.

    Raises:
        EOFError: If the other side is gone.
        BadFrame: If it is no frame.
    """
    data, fds, _, _ = socket.recv_fds(sock, _HEAD, 1)
    head = data + _exactly(sock, _HEAD - len(data)) if data else b""
    if not head:
        raise EOFError
    length = _checked(head, nonce, 1 << 28)
    return json.loads(_exactly(sock, length)), fds


async def receive_async(sock: socket.socket, nonce: bytes, limit: int) -> Any:
    """Read one message from a non-blocking socket.

    Args:
        sock: The socket.
        nonce: The session's nonce.
        limit: Most bytes a message may have.

    Raises:
        EOFError: If the other side is gone.
        FrameTooLarge: If the message is larger than the limit; it is not read.
        NotStorable: If its JSON can't be kept.
        BadFrame: If it is no frame.
    """
    length = _checked(await _exactly_async(sock, _HEAD), nonce, limit)
    return parsed(await _exactly_async(sock, length))


async def send_async(sock: socket.socket, nonce: bytes, message: Any) -> None:
    """Write one message to a non-blocking socket."""
    await asyncio.get_running_loop().sock_sendall(sock, packed(nonce, json.dumps(message).encode()))


def parsed(text: bytes) -> Any:
    """Parse JSON, and only what files and tables can hold.

    Raises:
        NotStorable: Also for NaN, endless numbers, halves of surrogate pairs and very deep nesting.
    """
    try:
        value = json.loads(text, parse_constant=_refuse)
        if nesting(value) > MAX_NESTING:
            raise NotStorable(f"it is nested deeper than {MAX_NESTING}")
        json.dumps(value, ensure_ascii=False, allow_nan=False).encode()
    except NotStorable:
        raise
    except (ValueError, RecursionError) as fault:
        raise NotStorable(f"it is no JSON that can be stored: {type(fault).__name__}") from None
    return value


def nesting(value: Any) -> int:
    """How deep lists and objects are nested in a value."""
    depth = 0
    level = _containers([value])
    while level:
        depth += 1
        if depth > MAX_NESTING:
            return depth
        level = [inner for container in level for inner in _containers(container)]
    return depth


def _containers(values: Iterable[Any]) -> list[Iterable[Any]]:
    """The lists and objects among values, as what they hold."""
    held = (cast("dict[str, Any]", value).values() if isinstance(value, dict) else value for value in values)
    return [values for values in held if not isinstance(values, (str, int, float, type(None)))]


def _refuse(name: str) -> Any:
    raise NotStorable(f"{name} is no number JSON can hold")


def _checked(head: bytes, nonce: bytes, limit: int) -> int:
    (length,) = _LENGTH.unpack(head[: _LENGTH.size])
    if head[_LENGTH.size :] != nonce:
        raise BadFrame("it lacks the session's nonce")
    if length > limit:
        raise FrameTooLarge(f"{length} bytes, more than {limit}")
    return length


def _exactly(sock: socket.socket, count: int) -> bytes:
    data = b""
    while len(data) < count:
        part = sock.recv(count - len(data))
        if not part:
            raise EOFError
        data += part
    return data


async def _exactly_async(sock: socket.socket, count: int) -> bytes:
    loop = asyncio.get_running_loop()
    parts: list[bytes] = []
    while count:
        part = await loop.sock_recv(sock, min(count, 1 << 18))
        if not part:
            raise EOFError
        parts.append(part)
        count -= len(part)
    return b"".join(parts)
