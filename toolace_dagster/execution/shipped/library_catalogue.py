"""The catalogue behind ``library_lending``: which titles there are on a subject, and their copies.

A subject has works in each language, and a work comes in one format or more: an
edition is one entry, with one identifier, however it is searched for.

Belongs here: titles and their copies. Does not belong here: members, holds, loans
(``library_lending``). Standard library only.
"""

from __future__ import annotations

import dataclasses
import datetime as dt
import re
from collections.abc import Callable

from toolace_dagster.execution.shipped.world import PEOPLE, Records, World

_FORMATS = {
    "book": "",
    "large_print": " (large print)",
    "audiobook": " (audiobook)",
    "ebook": " (e-book)",
    "graphic_novel": " (graphic novel)",
}
_SUBJECT = (
    "{Topic}: an introduction",
    "A short history of {topic}",
    "Notes on {topic}",
    "The story of {topic}",
    "Understanding {topic}",
    "{Topic}: a reader",
    "The pocket guide to {topic}",
)
_NAMED = ("{Topic}: an introduction", "The world of {Topic}", "Reading {Topic}", "{Topic}: a companion")
_FORMS = {
    "english": _SUBJECT,
    "spanish": ("{Topic}: una introducción", "Cuaderno de notas: {topic}", "Lecturas breves: {topic}"),
    "polish": ("{Topic}: wprowadzenie", "Notatnik: {topic}", "Krótkie lektury: {topic}"),
    "arabic": ("مدخل إلى: {topic}", "دفتر ملاحظات: {topic}", "قراءات قصيرة: {topic}"),
    "french": ("{Topic} : une introduction", "Carnet de notes : {topic}", "Petites lectures : {topic}"),
    "vietnamese": ("{Topic}: nhập môn", "Sổ tay: {topic}", "Bài đọc ngắn: {topic}"),
}
_LIKE = (("introduction", "beginner", "basics"), ("histor", "story", "stories"), ("guide", "handbook"), ("notes",))
"""Words that say the same of a book; a form with one of them adds nothing to a search that has another."""
_ASKED = re.compile(r"^(?:books?|titles?|novels?|something)\s+(?:about|on|by)\s+", re.IGNORECASE)
_SHELF = (
    "Knots and splices",
    "Bread without hurry",
    "The long ferry",
    "Weather of the coast",
    "A house of cedar",
    "Lamps of the old quay",
)


@dataclasses.dataclass
class Title:
    """One edition in the catalogue; ``due`` is when the next lent copy comes back."""

    id: str
    title: str
    author: str
    year: int
    branch: str
    copies: int
    waiting: int
    due: dt.date


class Catalogue:
    """A library's titles.

    Args:
        world: The world.
        branch: Gives the identifier of the branch in a district.
    """

    def __init__(self, world: World, branch: Callable[[str], str]) -> None:
        self._world = world
        self._branch = branch
        self._titles: Records[Title] = Records(world, "title", "TL-#####", self._brought)
        self._editions: dict[tuple[str, str, str], list[Title]] = {}

    def get(self, identifier: str) -> Title:
        """A title.

        Raises:
            ValueError: If there is none.
        """
        return self._titles.get(identifier)

    def search(self, query: str, media_format: str | None, language: str | None) -> list[Title]:
        """The titles on a subject, English ones and plain books first; None means any format or language."""
        self._titles.expect()
        subject = _ASKED.sub("", " ".join(query.split()))
        languages = [language] if language else list(_FORMS)
        formats = [media_format] if media_format else list(_FORMATS)
        return [title for each in languages for form in formats for title in self._of(subject, each, form)]

    def loaned(self, place: int, about: str) -> str:
        """The name of a title that somebody has on loan."""
        return _SHELF[(place + self._world.number(0, 5, about)) % len(_SHELF)]

    def _of(self, subject: str, language: str, media_format: str) -> list[Title]:
        key = (subject.casefold(), language, media_format)
        if key not in self._editions:
            self._editions[key] = [
                self._titles.add(lambda i, name=name: self._title(i, name, media_format), *key, name, told=False)
                for place, name in enumerate(self._works(subject, language))
                if self._comes_as(media_format, place, name)
            ]
        return self._editions[key]

    def _works(self, subject: str, language: str) -> list[str]:
        """What the works on a subject are called, the closest first."""
        world, topic = self._world, subject[:1].upper() + subject[1:]
        named = language == "english" and _is_name(subject)
        if named and re.match(r"(?:the|an?) ", subject, re.IGNORECASE):
            return [subject, f"{subject}: a reader's companion"]
        forms = _NAMED if named else _FORMS[language]
        plain = [form for form in forms if not _repeats(form, subject)]
        most = len(plain) if language == "english" else 2
        count = world.number(min(3, most) if language == "english" else 1, most, "works", subject.casefold(), language)
        return [form.format(topic=subject, Topic=topic) for form in plain[:count]]

    def _comes_as(self, media_format: str, place: int, name: str) -> bool:
        # The closest work comes in nearly every format, so that a search by format seldom finds nothing.
        share = 0.85 if place == 0 else 0.4
        return media_format == "book" or self._world.likely(share, media_format, name)

    def _title(self, identifier: str, name: str, media_format: str = "book") -> Title:
        world = self._world
        copies = world.number(0, 4, identifier)
        return Title(
            id=identifier,
            title=f"{name}{_FORMATS[media_format]}",
            author=world.pick(PEOPLE, name),
            year=world.number(1964, min(2025, world.today.year - 1), name),
            branch=self._branch(world.pick(("Eastgate", "Millbrook", "Old Harbour"), identifier)),
            copies=copies,
            # Nobody waits for what stands on the shelf.
            waiting=0 if copies else world.number(0, 5, "waiting", identifier),
            due=world.today + dt.timedelta(days=world.number(3, 20, "due", identifier)),
        )

    def _brought(self, identifier: str) -> Title:
        return self._title(identifier, self._world.pick(_SHELF, identifier))


def _repeats(form: str, subject: str) -> bool:
    """Whether a form only says again what the subject says: a history of a history."""
    own, asked = form.casefold(), subject.casefold()
    return any(any(word in own for word in like) and any(word in asked for word in like) for like in _LIKE)


def _is_name(subject: str) -> bool:
    """Whether a search is for a title or a person, and not for a subject: most of its words have a capital."""
    words = subject.split()
    return len(words) > 1 and sum(word[0].isupper() for word in words) > len(words) / 2
