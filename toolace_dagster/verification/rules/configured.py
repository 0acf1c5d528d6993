"""The rules that a run's settings ask for: shipped ones and a user's, graded.

Belongs here: loading files of rules and naming what is wrong with them. Does not
belong here: any rule.
"""

from __future__ import annotations

import difflib
import sys
import traceback
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path
from types import ModuleType

from toolace_dagster.entities import text_hash
from toolace_dagster.verification.rules.registry import RULES, Rule, RuleGrade, graded, registering


class RuleFileError(ValueError):
    """A file of rules, or a severity, that can't be used. The message names the file, the item and the mend."""


@dataclass(frozen=True)
class RuleSet:
    """Rules to run.

    Attributes:
        rules: By id, in the order they run.
        fingerprint: Ids, severities and the content of files, as JSON values.
        available: All there are, those that are off too.
    """

    rules: Mapping[str, Rule]
    fingerprint: tuple[tuple[str, ...], ...]
    available: tuple[Rule, ...]


def configured_rules(files: Sequence[Path], grades: Mapping[str, RuleGrade]) -> RuleSet:
    """Load a user's rules, and grade all rules.

    Args:
        files: Python files that register rules with ``rule``.
        grades: By rule id: ``off``, ``soft`` or ``hard``.

    Raises:
        RuleFileError: If a file can't be used, or a grade names no rule.
    """
    loaded: dict[str, Rule] = {}
    sources: list[tuple[str, ...]] = []
    for path in files:
        content = _content(path)
        for each in _load(path, content):
            if each.id in loaded:
                raise RuleFileError(f"{path}: {each.id} is defined in {loaded[each.id].source} too. Choose another id.")
            loaded[each.id] = each
        sources.append((text_hash(content),))
    available = (*RULES.values(), *loaded.values())
    known = [each.id for each in available]
    for name in grades:
        if name not in known:
            close = difflib.get_close_matches(name, known, n=2)
            hint = f"Did you mean {' or '.join(close)}?" if close else "toolace rules lists them."
            raise RuleFileError(f"rule_severity: there is no rule {name!r}. {hint}")
    rules = graded(available, grades)
    ids = tuple((each.id, each.severity) for each in rules.values())
    return RuleSet(rules, (*ids, *sources), available)


def _content(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as fault:
        raise RuleFileError(f"rules: {path} can't be read: {fault}. Name a Python file that registers rules.") from None


@lru_cache(maxsize=32)
def _load(path: Path, content: str) -> tuple[Rule, ...]:
    found: dict[str, Rule] = {}
    module = ModuleType(f"toolace_user_rules_{text_hash(content)[:12]}")
    module.__file__ = str(path)
    # Dataclasses and the like look their module up by name.
    sys.modules[module.__name__] = module
    try:
        with registering(found):
            exec(compile(content, str(path), "exec"), module.__dict__)  # noqa: S102 - the user's own file, named in settings
    except Exception as fault:
        frames = [frame for frame in traceback.extract_tb(fault.__traceback__) if frame.filename == str(path)]
        line = frames[-1].lineno if frames else getattr(fault, "lineno", None)
        place = f", line {line}" if line else ""
        raise RuleFileError(f"{path}{place}: {type(fault).__name__}: {fault}. Mend the file.") from fault
    if not found:
        raise RuleFileError(
            f"{path} registers no rule. Write @rule('rule.my_check') over a function that takes a Subject and yields "
            "Defects, with `from toolace_dagster.verification.rules import Defect, Subject, rule`."
        )
    return tuple(replace(each, source=str(path)) for each in found.values())
