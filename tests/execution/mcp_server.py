"""An MCP server with tools that behave, fail in the three known ways, and worse; run over stdio or HTTP.

Belongs here: the server, as a program. Does not belong here: what is expected of its client.
"""

from __future__ import annotations

import os
import sys
import time
from typing import Any

from mcp.server.mcpserver import MCPServer
from mcp.server.mcpserver.exceptions import ToolError
from mcp.types import CallToolResult, TextContent, ToolAnnotations

READ = ToolAnnotations(read_only_hint=True)
server = MCPServer("Garage Desk")
visits: list[str] = []


@server.tool(annotations=READ)
def look_up(plate: str) -> dict[str, Any]:
    """Look up a van by its plate."""
    visits.append(plate)
    return {"plate": plate, "visits": len(visits)}


@server.tool(annotations=READ)
def today() -> str:
    """The day it is at the desk."""
    return os.environ.get("DIALOGUE_TODAY", "unknown")


@server.tool(annotations=READ)
def visitors() -> list[str]:
    """List the plates that were looked up."""
    return visits


@server.tool(annotations=READ, structured_output=False)
def as_text() -> str:
    """Answer with JSON as text."""
    return '{"open": true}'


@server.tool(annotations=READ)
def raises() -> str:
    """Raise an error."""
    raise ToolError("the van is not here")


@server.tool(annotations=READ)
def flags() -> CallToolResult:
    """Set the error flag."""
    return CallToolResult(content=[TextContent(type="text", text="no such garage")], is_error=True)


@server.tool(annotations=READ, structured_output=False)
def says_error() -> str:
    """Say that there was an error, and nothing more."""
    return "Error: the desk is closed"


@server.tool(annotations=READ)
def opens_a_file() -> str:
    """Fail with the paths of a machine in the message."""
    raise ToolError(f"no such file: '{os.getcwd()}/notes.txt', nor {os.path.expanduser('~')}/notes.txt")


@server.tool(annotations=READ)
def crashes() -> str:
    """End the server."""
    os._exit(1)


@server.tool(annotations=READ)
def sleeps() -> str:
    """Take too long."""
    time.sleep(30)
    return "awake"


@server.tool(annotations=READ)
def huge() -> str:
    """Answer with a megabyte."""
    return "x" * (1 << 20)


@server.tool(annotations=READ)
def environment() -> list[str]:
    """List the names of environment variables."""
    return sorted(os.environ)


@server.tool()
def repaint(plate: str) -> str:
    """Change something; not annotated."""
    return f"{plate} is blue now"


def guarded(port: int, word: str) -> None:
    """Serve those alone who send ``Authorization: Bearer WORD``."""
    import uvicorn

    inner: Any = server.streamable_http_app()

    async def app(scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] == "http" and dict(scope["headers"]).get(b"authorization") != f"Bearer {word}".encode():
            await send({"type": "http.response.start", "status": 401, "headers": []})
            await send({"type": "http.response.body", "body": b""})
            return
        await inner(scope, receive, send)

    uvicorn.run(app, host="127.0.0.1", port=port, log_level="critical")


if __name__ == "__main__":
    if len(sys.argv) > 2:
        # Only for those who show the word.
        guarded(int(sys.argv[1]), sys.argv[2])
    elif len(sys.argv) > 1:
        server.run("streamable-http", port=int(sys.argv[1]))
    else:
        server.run("stdio")
