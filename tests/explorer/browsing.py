"""The explorer behind a real server, and what a browser would make of its pages."""

from __future__ import annotations

import http.client
import threading
import time
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass, field
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import urlencode

import uvicorn

from toolace_dagster.explorer.app import make_app
from toolace_dagster.explorer.serving import listen
from toolace_dagster.warehouse import Warehouse


@dataclass
class Shown(HTMLParser):
    """What a page holds: elements with attributes, links, and text."""

    status: int
    headers: dict[str, str]
    body: str
    elements: list[tuple[str, dict[str, str]]] = field(default_factory=list)
    text: str = ""

    def __post_init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.feed(self.body)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, {name: value or "" for name, value in attrs}))

    def handle_data(self, data: str) -> None:
        self.text += data

    def attributes(self, tag: str, name: str) -> list[str]:
        """An attribute of all elements of one kind that have it."""
        return [attrs[name] for found, attrs in self.elements if found == tag and name in attrs]

    @property
    def links(self) -> list[str]:
        """Where its links lead."""
        return self.attributes("a", "href")

    @property
    def listed(self) -> list[str]:
        """Links of the dialogues that a list shows."""
        return [attrs["href"] for tag, attrs in self.elements if tag == "a" and attrs.get("class") == "id"]


@dataclass(frozen=True)
class Browser:
    """Asks one server for pages."""

    port: int

    def get(self, path: str, host: str | None = None, **query: object) -> Shown:
        """A page; the Host header is ours unless another is given."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)
        try:
            address = f"{path}?{urlencode(query)}" if query else path.partition("#")[0]
            connection.request("GET", address, headers={"Host": host} if host else {})
            answer = connection.getresponse()
            return Shown(answer.status, dict(answer.getheaders()), answer.read().decode())
        finally:
            connection.close()


@contextmanager
def browsing(home: Path, other: Warehouse | None = None) -> Generator[Browser]:
    """Serve a home meanwhile, and another to compare it with."""
    with listen("127.0.0.1", 0) as listening:
        server = uvicorn.Server(uvicorn.Config(make_app(Warehouse(home), other=other), log_level="error"))
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]})
        thread.start()
        try:
            while not server.started:
                time.sleep(0.01)
            yield Browser(listening.getsockname()[1])
        finally:
            server.should_exit = True
            thread.join(30)
