"""Addresses of the explorer's pages, for what shows them elsewhere.

Belongs here: addresses. Does not belong here: the pages (``explorer``).
"""

from __future__ import annotations

from urllib.parse import urlencode


class ExplorerLinks:
    """Pages of the explorer at one address."""

    def __init__(self, base: str) -> None:
        """Name the address.

        Args:
            base: Such as ``http://127.0.0.1:3001``.
        """
        self._base = base.rstrip("/")

    def dialogues(self, **filters: str | None) -> str:
        """The list of dialogues, filtered by domain, stage, state, check and others as the list's form names them."""
        return self._address("/", filters)

    def dialogue(self, dialogue_id: str) -> str:
        """One dialogue."""
        return self._address("/dialogue", {"id": dialogue_id})

    def failures(self, anchor: str = "", **filters: str | None) -> str:
        """Plots of failures, or the counts of stages with the anchor ``stages``."""
        return self._address("/failures", filters) + (f"#{anchor}" if anchor else "")

    def _address(self, path: str, query: dict[str, str | None]) -> str:
        given = {name: value for name, value in query.items() if value}
        return f"{self._base}{path}" + (f"?{urlencode(given)}" if given else "")
