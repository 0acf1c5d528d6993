"""Backends: what really runs a tool, as the pool says it.

Belongs here: the description of a backend, which is stored with its domain.
Does not belong here: running anything (``execution``), or reading the file that
holds the descriptions.
"""

from __future__ import annotations

import re
from typing import Annotated, Literal, Self

from pydantic import Field, field_validator, model_validator

from toolace_dagster.entities.base import Entity, JsonObject
from toolace_dagster.entities.credentials import names_variable, secret_argument, secret_in_address

_HEADER = re.compile(r"^[A-Za-z0-9!#$%&'*+.^_`|~-]+$")
_TARGET = re.compile(r"^[A-Za-z_]\w*(\.[A-Za-z_]\w*)*(:[A-Za-z_]\w*)?$")


class _Backend(Entity):
    """What all kinds share.

    Attributes:
        tools: The tools of the domain it is for; empty means all of them.
        names: What a tool is called by the backend, where that is not the tool's name.
    """

    tools: tuple[str, ...] = ()
    names: dict[str, str] = Field(default_factory=dict)

    @property
    def decisive(self) -> JsonObject:
        """What results depend on, as JSON."""
        return self.model_dump(mode="json")


class SimulatedBackend(_Backend):
    """No backend: a model simulates the tools. Takes tools out of a backend named earlier."""

    kind: Literal["simulated"] = "simulated"


class PythonBackend(_Backend):
    """Python code, run in a confined process of its own for each dialogue.

    Attributes:
        target: ``module:Class``, one instance per dialogue with the tools as methods, or ``module``, with the tools as
            functions. A class whose constructor takes ``seed`` is given a number fixed by the dialogue.
        path: Folders that are searched for the module, absolute, besides the installed packages.
        read: Further files and folders the code may read, absolute.
        environment: Names of environment variables the code may see; no others are passed on.
        call_seconds: Time a call may take.
        session_seconds: Time all calls of a dialogue may take.
        memory_mb: Memory the code may take, in MiB, besides what its import takes.
        result_kb: Size of one result as JSON, in KiB.
        network: Whether it may open sockets.
        processes: Whether it may start processes.
        code: Content hash of the module's source, so that rows are remade when it changes.
    """

    kind: Literal["python"] = "python"
    target: str
    path: tuple[str, ...] = ()
    read: tuple[str, ...] = ()
    environment: tuple[str, ...] = ()
    call_seconds: Annotated[float, Field(gt=0, le=600)] = 10.0
    session_seconds: Annotated[float, Field(gt=0, le=3600)] = 60.0
    memory_mb: Annotated[int, Field(ge=16)] = 512
    result_kb: Annotated[int, Field(ge=1, le=16384)] = 256
    network: bool = False
    processes: bool = False
    code: str = ""

    @property
    def decisive(self) -> JsonObject:
        """What results depend on, as JSON: where the code is found is nothing of it once its content is known."""
        return self.model_dump(mode="json", exclude={"path"} if self.code else set())

    @field_validator("target")
    @classmethod
    def _target_is_importable(cls, target: str) -> str:
        if not _TARGET.match(target):
            raise ValueError(f"target {target!r} is neither 'module' nor 'module:Class'")
        return target


class McpBackend(_Backend):
    """An MCP server: a process over stdio, or an address over streamable HTTP; a session of its own for each dialogue.

    Attributes:
        command: The server's command line, for stdio.
        url: The server's address, for streamable HTTP.
        headers: Headers sent to a url, such as ``{"Authorization": "Bearer ${MCP_TOKEN}"}``. Each names a variable of
            the environment, whose value is filled in when the server is asked and never stored.
        environment: Names of environment variables the server may see, besides those any program needs.
        call_seconds: Time a call may take.
        session_seconds: Time starting the server and all calls of a dialogue may take.
        result_kb: Size of one result as JSON, in KiB.
        allow_writes: Whether tools may be called that are not annotated as read-only.
        read_only: Tools the user vouches for as read-only where the server does not say so.
    """

    kind: Literal["mcp"] = "mcp"
    command: tuple[str, ...] = ()
    url: str | None = None
    headers: dict[str, str] = Field(default_factory=dict)
    environment: tuple[str, ...] = ()
    call_seconds: Annotated[float, Field(gt=0, le=600)] = 30.0
    session_seconds: Annotated[float, Field(gt=0, le=3600)] = 120.0
    result_kb: Annotated[int, Field(ge=1, le=16384)] = 256
    allow_writes: bool = False
    read_only: tuple[str, ...] = ()

    @model_validator(mode="after")
    def _one_way_in(self) -> Self:
        if bool(self.command) == bool(self.url):
            raise ValueError("an MCP backend has either a command or a url")
        if self.url is not None and not self.url.startswith(("http://", "https://")):
            raise ValueError("the url is not an http or https address")
        if self.headers and self.url is None:
            raise ValueError("headers are sent to a url; a command is given variables with environment")
        return self

    @model_validator(mode="after")
    def _no_secret(self) -> Self:
        """Backends are stored and shown."""
        for name, value in self.headers.items():
            if not _HEADER.match(name):
                raise ValueError(f"{name!r} is no name of a header")
            if not names_variable(value):
                raise ValueError(f"header {name}: write its value as ${{NAME}}, the variable that holds it")
        found = secret_argument(self.command) or secret_in_address(self.url or "")
        if found is not None:
            raise ValueError(f"{found} looks like a credential: write it as ${{NAME}}, the variable that holds it")
        return self


ToolBackend = Annotated[SimulatedBackend | PythonBackend | McpBackend, Field(discriminator="kind")]
"""One backend of a domain. Of several that name a tool, the last counts."""
