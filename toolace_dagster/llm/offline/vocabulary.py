"""Words the offline model has for values that a schema says nothing about.

Belongs here: small word lists of this project's own making, and the guess from
a parameter's name which list fits. Does not belong here: numbers, formats and
patterns (``values``).
"""

from __future__ import annotations

import re
import unicodedata
from functools import lru_cache
from random import Random

from toolace_dagster.llm.offline.naming import parts

GIVEN = (
    "Amara",
    "Bogdan",
    "Chiara",
    "Dae-jung",
    "Esperanza",
    "Farid",
    "Greta",
    "Haruki",
    "Ines",
    "Jorunn",
    "Kofi",
    "Leilani",
    "Marek",
    "Nadia",
    "Oisín",
    "Priya",
    "Quentin",
    "Rosalind",
    "Samuel",
    "Tamsin",
    "Ulrike",
    "Víctor",
    "Wanjiru",
    "Yusuf",
)
FAMILY = (
    "Okonkwo",
    "Petrescu",
    "Bianchi",
    "Seong",
    "Villanueva",
    "Rahimi",
    "Lindholm",
    "Nakagawa",
    "Carvalho",
    "Haugen",
    "Mensah",
    "Kealoha",
    "Nowicki",
    "Haddad",
    "Gallagher",
    "Raman",
    "Dubois",
    "Whitlock",
    "Abera",
    "Penrose",
    "Brandt",
    "Salazar",
    "Njoroge",
    "Demir",
)
CITIES = (
    "Ghent",
    "Nairobi",
    "Porto",
    "Kyoto",
    "Valparaíso",
    "Tbilisi",
    "Halifax",
    "Lahore",
    "Turku",
    "Mérida",
    "Da Nang",
    "Galway",
    "Izmir",
    "Pune",
    "Accra",
    "Wrocław",
)
_LISTS: dict[str, tuple[str, ...]] = {
    "country": ("Portugal", "Kenya", "Japan", "Uruguay", "Finland", "Vietnam", "Ghana", "Ireland"),
    "district": ("Old Harbour", "Mill Quarter", "Northbank", "Orchard Hill", "Canal Side", "Saint Anne's"),
    "street": ("14 Weaver Lane", "3 Harbour Row", "27 Acacia Avenue", "9 Tannery Street", "112 Station Road"),
    "timezone": ("Europe/Lisbon", "Africa/Nairobi", "Asia/Tokyo", "America/Bogota", "Asia/Kolkata", "Australia/Perth"),
    "time": ("07:45", "09:15", "11:30", "14:00", "16:20", "18:05"),
    "path": (
        "notes/budget.md",
        "reports/march.csv",
        "drafts/letter.txt",
        "site/index.html",
        "logs/import.log",
        "plans/garden.md",
    ),
    "directory": ("projects/almanac", "photos/2026", "docs/recipes", "archive/letters", "site/assets"),
    "url": ("https://harbour-notes.example/tides", "https://reading-room.example/list", "https://oldmill.example/news"),
    "owner": ("tidewater-labs", "nadia-raman", "almanac-tools", "brandt-garden", "kofi-mensah"),
    "repo": ("tide-tables", "seed-catalogue", "bus-times", "recipe-box", "field-notes", "choir-planner"),
    "branch": ("fix-leap-years", "add-dark-theme", "release-2.4", "faster-import", "tidy-docs"),
    "file": ("inventory.csv", "letter.txt", "schedule.md", "minutes.docx", "harvest.json"),
    "language": ("Portuguese", "Swahili", "Japanese", "Turkish", "Polish", "Spanish"),
    "currency": ("EUR", "KES", "JPY", "GBP", "CAD"),
    "query": (
        "tide tables",
        "early blight on tomatoes",
        "bicycle repair",
        "sourdough starter",
        "night trains",
        "harbour festival",
    ),
    "topic": ("tidal energy", "the history of salt roads", "urban beekeeping", "night trains", "paper restoration"),
    "title": (
        "Summer timetable is off by one hour",
        "Notes from the harbour walk",
        "Plan for the seed swap",
        "Broken link on the tide page",
    ),
    "message": (
        "The ferry leaves at noon, see you there",
        "Keys are with the neighbour",
        "Meeting moved to the blue room",
    ),
    "text": (
        "The first harvest came in early this year.",
        "Please check the north gate before closing.",
        "Two boxes are still missing.",
    ),
    "reason": ("plans have changed", "it fits better this way", "the old one no longer works"),
    "table": ("orders", "members", "harvests", "loans", "tides"),
    "label": ("urgent", "spring", "needs review", "garden", "archive"),
    "entity": ("Harbour Choir", "Tomasz the baker", "Mill Lane garden", "Blue Kiosk", "Night Train Society"),
    "relation": ("works with", "belongs to", "lives near", "founded"),
    "entity type": ("person", "organisation", "place", "project", "shop"),
    "weekday": ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday"),
    "gap": ("+2.0h", "-5.0h", "+7.5h", "+9.0h"),
    "weather": ("light rain", "partly cloudy", "clear sky", "morning fog"),
    "reply": ("Done", "Completed without problems", "Saved", "The request was carried out"),
    "command": ("python -m http.server", "make docs", "git status"),
    "symbol": ("ACME", "ORCA", "TIDE", "MILL"),
    "colour": ("teal", "ochre", "plum", "slate"),
    "product": ("oak bookshelf", "rain barrel", "hand mixer", "reading lamp", "wool blanket"),
    "tag": ("v2.4.0", "v1.9.3", "v3.0.1"),
    "gender": ("female", "male"),
    "status": ("open", "active", "ready"),
    "order": ("desc", "asc"),
    "unit": ("celsius", "kilometres"),
    "sql": (
        "SELECT name, harvest_kg FROM plots WHERE season = 2026",
        "SELECT title, due_on FROM loans WHERE returned = 0",
    ),
    "sqlwrite": (
        "UPDATE plots SET season = 2027 WHERE plot_no = 14",
        "INSERT INTO members (name, town) VALUES ('Greta Haugen', 'Turku')",
    ),
    "sqlcreate": (
        "CREATE TABLE tides (day TEXT, high_at TEXT, metres REAL)",
        "CREATE TABLE swaps (giver TEXT, taker TEXT, seed TEXT)",
    ),
}
WORDS = (
    "harbour",
    "meadow",
    "lantern",
    "orchard",
    "copper",
    "willow",
    "granite",
    "saffron",
    "juniper",
    "kestrel",
    "marble",
    "tundra",
)

_HINTS: tuple[tuple[str, str], ...] = (
    (r"timezone|time zone|iana", "timezone"),
    (r"^time difference$", "gap"),
    (r"\bday of week\b|^weekday$", "weekday"),
    (r"\bconditions\b|^weather", "weather"),
    (r"^entity ?type$", "entity type"),
    (r"^names$", "entity"),
    (r"^files$", "file"),
    (r"\brepo path\b|\brepository path\b", "directory"),
    (r"^command$", "command"),
    (r"\b(city|town|location|place|origin|destination)\b", "city"),
    (r"\bcountry|nation\b", "country"),
    (r"\b(district|neighbou?rhood|area|region)\b", "district"),
    (r"\b(street|address)\b", "street"),
    (r"create table", "sqlcreate"),
    (r"\bsql query to execute\b", "sqlwrite"),
    (r"\bselect\b|\bsql\b", "sql"),
    (r"\btable\b", "table"),
    (r"\b(directory|folder|dir)\b", "directory"),
    (r"\b(file ?name)\b", "file"),
    (r"\b(path|paths|file)\b", "path"),
    (r"\b(url|uri|link|website)\b", "url"),
    (r"\b(owner|organi[sz]ation|org|username|user ?login|assignee|assignees|reviewers?|actor)\b", "owner"),
    (r"\brepo(sitory)?s?\b", "repo"),
    (r"\b(branch|ref|base|head)\b", "branch"),
    (r"\b(tag)\b", "tag"),
    (r"\b(language|locale)\b", "language"),
    (r"\bcurrency\b", "currency"),
    (r"\b(entity|entities|entity ?name)\b", "entity"),
    (r"\brelation", "relation"),
    (r"\b(query|search|keywords?|q)\b", "query"),
    (r"\b(topic|subject|theme)\b", "topic"),
    (r"\b(title|headline)\b", "title"),
    (r"\b(message|body|comment|note|insight)\b", "message"),
    (r"\b(text|content|contents|description|summary|observations?|rationale|instructions?)\b", "text"),
    (r"\b(reason|why)\b", "reason"),
    (r"\b(labels?|tags|category)\b", "label"),
    (r"\b(symbol|ticker)\b", "symbol"),
    (r"\bcolou?r\b", "colour"),
    (r"\b(product|item|items)\b", "product"),
    (r"\bgender\b", "gender"),
    (r"\b(status|state)\b", "status"),
    (r"\border\b", "order"),
    (r"\bunits?\b", "unit"),
    (r"\btime\b", "time"),
)
_COMPILED = tuple((re.compile(pattern), topic) for pattern, topic in _HINTS)
_PERSON = frozenset(
    "name host guest visitor payer signer organiser organizer author contact person passenger patient driver "
    "speaker".split()
)
_NOT_PERSON = frozenset(
    "file table branch show event farm project product company repo tool field display feed user".split()
)


@lru_cache(maxsize=8192)
def topic_of(name: str, description: str, tool: str = "") -> str | None:
    """Which word list fits a parameter, from its name first and its description second."""
    about = f"{description} {tool}".lower()
    if "sql" in about and parts(name) in (("query",), ("sql",), ("statement",)):
        return (
            "sqlcreate" if "create table" in about else "sqlwrite" if "insert" in about or "update" in about else "sql"
        )
    for text in (" ".join(parts(name)), description.lower()):
        for expression, topic in _COMPILED:
            if expression.search(text):
                return topic
    return None


def is_person(name: str, description: str = "") -> bool:
    """Whether a parameter holds a person's name."""
    found = parts(name)
    if not found or set(found) & _NOT_PERSON:
        return False
    text = description.lower()
    if found[-1] == "name" and (
        found[0] in ("full", "first", "last") or "full name" in text or text.startswith(("person", "name of a person"))
    ):
        return True
    return (found[-1] == "name" and bool(set(found[:-1]) & _PERSON)) or text.startswith(
        ("full name", "person who", "person on")
    )


def person(rng: Random) -> str:
    """A person's name."""
    return f"{rng.choice(GIVEN)} {rng.choice(FAMILY)}"


def word_for(topic: str | None, rng: Random) -> str:
    """A value from the list of a topic, or a plain word."""
    if topic == "city":
        return rng.choice(CITIES)
    if topic in _LISTS:
        return rng.choice(_LISTS[topic])
    return f"{rng.choice(WORDS)} {rng.choice(WORDS)}"


def address_of(name: str, domain: str = "example.org") -> str:
    """The e-mail address of a person."""
    folded = unicodedata.normalize("NFKD", name.replace("ł", "l").replace("ø", "o").replace("đ", "d"))
    kept = "".join(char for char in folded if char.isascii() and (char.isalpha() or char in " -"))
    return ".".join(kept.lower().split()) + "@" + domain
