"""Coherence: whether replies follow from what stands before them.

With an entailment model of the user's it is the share of replies that are entailed by
what they answer. Without one it is a proxy that needs no model and knows words alone:
the share of a reply's content words that the user or a tool said before. The two have
different names, since their values can't be compared.

Belongs here: both measures, and loading a user's model. Does not belong here: drawing
the sample.
"""

from __future__ import annotations

import importlib
import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any, cast

Pair = tuple[str, str]
"""Premise and hypothesis."""

Entails = Callable[[Sequence[Pair]], Sequence[float]]
"""Gives each pair's probability that the premise entails the hypothesis, 0 to 1."""

_FUNCTION = "entails"
_HALF = 0.5


class EntailmentError(ValueError):
    """A model of entailment that can't be used. The message names it, the fault and the mend."""


@dataclass(frozen=True)
class Said:
    """A turn of the sample.

    Attributes:
        role: Who speaks.
        acts: Whether it calls tools.
        text: What was said, or what tools answered; empty where no model is asked.
        tokens: Of a user turn, its tokens.
        content: Its different content words: tokens of four letters or more, or that begin with a digit.
    """

    role: str
    acts: bool
    text: str
    tokens: Sequence[str]
    content: Sequence[str]


def lexical_coherence(dialogues: Iterable[Sequence[Said]]) -> tuple[float, int] | None:
    """The mean over replies of the share of their content words that were said before, 0 to 1.

    Each content word counts once a reply. Said
    before means: by the user or in a tool's answer, anywhere earlier in the dialogue. What
    the assistant said before does not count, or a made-up value would vouch for itself.

    Args:
        dialogues: The turns of each.

    Returns:
        The mean and the number of replies; None where there is none.
    """
    shares: list[float] = []
    for turns in dialogues:
        known: set[str] = set()
        for turn in turns:
            words = set(turn.content)
            if turn.role != "assistant":
                known |= words
            elif not turn.acts and words:
                shares.append(len(words & known) / len(words))
    return (math.fsum(shares) / len(shares), len(shares)) if shares else None


def reply_pairs(dialogues: Iterable[Sequence[Said]]) -> list[Pair]:
    """Each reply with what it answers: the user's last message and all that tools answered since."""
    pairs: list[Pair] = []
    for turns in dialogues:
        before: list[str] = []
        for turn in turns:
            if turn.role == "user":
                before = [turn.text]
            elif turn.role == "tool":
                before.append(turn.text)
            elif not turn.acts and turn.text.strip():
                pairs.append(("\n".join(before), turn.text))
    return pairs


class Entailment:
    """A user's model, asked about each pair once."""

    def __init__(self, named: str) -> None:
        """Load it.

        Args:
            named: ``path/to/file.py`` or ``package.module``, each with ``:function`` where that is not ``entails``.

        Raises:
            EntailmentError: If there is no such function.
        """
        self._name = named
        self._entails = load_entails(named)
        self._known: dict[Pair, float] = {}

    def ratio(self, pairs: Sequence[Pair]) -> tuple[float, int] | None:
        """The share of pairs whose probability is at least one half, and their number; None where there is none.

        Raises:
            EntailmentError: If the model fails, or gives anything but one probability a pair.
        """
        new = [pair for pair in dict.fromkeys(pairs) if pair not in self._known]
        if new:
            self._known.update(zip(new, self._ask(new), strict=True))
        entailed = sum(self._known[pair] >= _HALF for pair in pairs)
        return (entailed / len(pairs), len(pairs)) if pairs else None

    def _ask(self, pairs: Sequence[Pair]) -> list[float]:
        try:
            given = [float(each) for each in self._entails(pairs)]
        except Exception as fault:
            raise EntailmentError(
                f"{self._name}: {type(fault).__name__}: {fault}. It is called with a list of (premise, hypothesis) "
                "and has to return a probability for each."
            ) from fault
        if len(given) != len(pairs):
            raise EntailmentError(
                f"{self._name} gave {len(given)} values for {len(pairs)} pairs. Return one probability a pair."
            )
        if wrong := [value for value in given if not 0 <= value <= 1]:
            raise EntailmentError(f"{self._name} gave {wrong[0]}. A probability is from 0 to 1.")
        return given


def load_entails(named: str) -> Entails:
    """Find a user's function.

    Args:
        named: As :class:`Entailment` takes it.

    Raises:
        EntailmentError: If it can't be loaded.
    """
    place, _, function = named.rpartition(":") if ":" in named else (named, "", _FUNCTION)
    try:
        module = _from_file(Path(place)) if place.endswith(".py") else importlib.import_module(place)
    except Exception as fault:
        raise EntailmentError(
            f"{place} can't be loaded: {type(fault).__name__}: {fault}. Name a Python file, or a module that can be "
            "imported."
        ) from fault
    found: Any = getattr(module, function, None)
    if not callable(found):
        raise EntailmentError(
            f"{place} has no function {function!r}. Write `def {function}(pairs)`, which takes a list of (premise, "
            "hypothesis) and returns a probability for each."
        )
    return cast("Entails", found)


def _from_file(path: Path) -> ModuleType:
    module = ModuleType(f"toolace_user_entailment_{path.stem}")
    module.__file__ = str(path)
    exec(compile(path.read_text(encoding="utf-8"), str(path), "exec"), module.__dict__)  # noqa: S102 - the user's own file, named by them
    return module
