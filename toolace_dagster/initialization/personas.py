"""Who the users are and how they write.

A user is a persona, a register, a language and a day, drawn apart from each other so
that few users meet twice: personas take turns in shuffled rounds, registers and
languages come up by their weights.

Belongs here: the shipped personas, what each register means, and drawing a user.
Does not belong here: scenarios, which a model writes.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta

from toolace_dagster.entities import Register, Slot
from toolace_dagster.entities.randomness import generator
from toolace_dagster.initialization.coverage import in_rounds, share_of
from toolace_dagster.settings import Settings

PERSONAS: tuple[str, ...] = (
    "a nurse on rotating shifts",
    "a retired teacher",
    "a student who shares a flat with two others",
    "a project manager",
    "a night-shift worker just home",
    "a newcomer to the city",
    "a careful accountant",
    "the owner of a small business, between two customers",
    "a parent of three",
    "an engineer",
    "a volunteer coordinator who acts for a group",
    "a writer who works from home",
    "somebody who learnt the language as an adult",
    "a sceptical customer who was let down before",
    "an assistant who arranges things for a busy director",
    "a farmer",
    "a taxi driver waiting for the next fare",
    "a carpenter with dusty hands",
    "a grandmother who does this for the whole family",
    "a musician on tour",
    "somebody who has just taken over from a colleague",
    "a caretaker of an apartment house",
    "a researcher before a deadline",
    "a cook on a break",
    "a young couple, one of them typing",
    "a trainee in the first week of the job",
    "somebody at home with a broken leg",
    "a neighbour who helps somebody older with this",
    "the treasurer of a sports club",
    "a translator who likes exact words",
    "a bus driver on a day off",
    "somebody who does this for the first time",
)
"""Phrases a prompt can use as they are."""

REGISTERS: dict[Register, str] = {
    Register.TERSE: "terse: fragments and keywords, no greeting and no thanks",
    Register.HURRIED: "hurried: short messages, straight to the point, no time for pleasantries",
    Register.CASUAL: "casual: mostly lower case, contractions, few commas",
    Register.CHATTY: "chatty: friendly, with bits of everyday life in between",
    Register.PLAIN: "plain: short, simple, correct sentences",
    Register.ORDERLY: "orderly: says what is wanted point by point",
    Register.THOROUGH: "thorough: explains the background before asking",
    Register.FORMAL: "formal: courteous full sentences without contractions",
}
"""How each register reads, as prompts say it."""


@dataclass(frozen=True)
class User:
    """The user of one dialogue.

    Attributes:
        persona: Who it is.
        manner: How they write.
        language: What they write in, by its English name.
        today: The day it happens; None leaves it open.
    """

    persona: str
    manner: str
    language: str
    today: date | None


def draw_user(slot: Slot, settings: Settings) -> User:
    """Draw the user of a slot; no other draw of the plan depends on it.

    Args:
        slot: The place to fill.
        settings: Personas, weights of registers and languages, and the days to draw from.
    """
    personas = settings.personas or PERSONAS
    register = share_of(settings.registers, slot.number, "registers", slot.seed, slot.domain, slot.attempt)
    language = share_of(settings.languages, slot.number, "languages", slot.seed, slot.domain, slot.attempt)
    return User(
        persona=in_rounds(personas, slot.number, "personas", slot.seed, slot.domain, slot.attempt),
        manner=REGISTERS[register],
        language=language,
        today=_day(slot, settings),
    )


def _day(slot: Slot, settings: Settings) -> date | None:
    days = settings.today
    if days is None:
        return None
    return days.first + timedelta(days=generator("today", slot).randint(0, (days.last - days.first).days))
