"""The dataset card: what a stranger must know before training on the data.

Belongs here: what the card says of its facts (``card_facts``). Does not belong here:
collecting them, what it says of the files beside it (``card_files``), or escaping
(``card_text``). The text has no time and no path of the machine, so the same data gives
the same card.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path, PurePath
from typing import Any, cast

from toolace_dagster.dataset.card_facts import CardFacts, PoolSource
from toolace_dagster.dataset.card_files import configs, files_text
from toolace_dagster.dataset.card_method import method_text, results_limits, results_text
from toolace_dagster.dataset.card_text import cell, code_block, table, yaml_lines
from toolace_dagster.dataset.files import FileReport, write_text
from toolace_dagster.dataset.messages import ANNOUNCEMENT, chat_messages, listed_tools
from toolace_dagster.dataset.rows import SPLITS
from toolace_dagster.dataset.splits import SplitReport
from toolace_dagster.entities import SUB_TYPES, InjectionType
from toolace_dagster.llm.money import total
from toolace_dagster.settings import MONEY_SETTINGS, OFFLINE_MODEL

CARD_NAME = "README.md"

OFFLINE_NOTICE = (
    "Made by the offline model: a seeded rehearsal stand-in. It shows that the pipeline works; do not train on it."
)

_KNOWN_LICENCES = frozenset(
    "agpl-3.0 apache-2.0 artistic-2.0 bsd-2-clause bsd-3-clause bsl-1.0 cc-by-4.0 cc-by-sa-4.0 cc0-1.0 ecl-2.0 gpl-2.0 "
    "gpl-3.0 isc lgpl-2.1 lgpl-3.0 mit mpl-2.0 ms-pl odbl odc-by unlicense zlib".split()
)
"""Licence names that the Hugging Face Hub knows; any other must be called ``other``."""

_TAGS = ["synthetic", "tool-calling", "function-calling", "multi-turn"]

_SHOWN = 20
"""Withheld dialogues that the card names."""

_NOT_OF_THE_DATA = MONEY_SETTINGS.union(
    "pool domain_limit skip_deprecated benchmarks formats base_url model concurrency timeout transport_retries "
    "loss_mask slices".split()
)
"""Settings that name a place or a pace: they differ by machine and leave the data as it is, or stand elsewhere."""


def render_card(facts: CardFacts) -> str:
    """Write the Hugging Face dataset card.

    Args:
        facts: What to say.

    Returns:
        Markdown with a YAML head; the same facts give the same text.
    """
    sections = [
        _introduction(facts),
        _how(facts),
        _counts(facts),
        _splits(facts),
        _injections(facts),
        _diversity(facts),
        _contamination(facts),
        _tools(facts),
        _example(facts),
        _limits(facts),
    ]
    return "\n".join(["---", *yaml_lines(_head(facts)), "---", "", "\n\n".join(sections), ""])


def write_card(facts: CardFacts, folder: Path) -> FileReport:
    """Write the card as ``README.md`` into the export's folder, whole or not at all."""
    return write_text(folder / CARD_NAME, render_card(facts))


def _head(facts: CardFacts) -> dict[str, Any]:
    return {
        "pretty_name": facts.title,
        "license": _licence(facts.sources),
        "task_categories": ["text-generation"],
        "tags": [*_TAGS, "rehearsal"] if facts.offline else _TAGS,
        "size_categories": [_size(sum(facts.rows["trl"].values()) if "trl" in facts.rows else facts.dialogues)],
        **configs(facts),
    }


def _licence(sources: tuple[PoolSource, ...]) -> str | list[str]:
    stated = sorted({(source.licence or "").strip().lower() for source in sources})
    if not stated or not _KNOWN_LICENCES.issuperset(stated):
        return "other"
    return stated[0] if len(stated) == 1 else stated


def _size(total: int) -> str:
    bounds = [("n<1K", 1_000), ("1K<n<10K", 10_000), ("10K<n<100K", 100_000), ("100K<n<1M", 1_000_000)]
    return next((name for name, bound in bounds if total < bound), "n>1M")


def _introduction(facts: CardFacts) -> str:
    maker = "the offline model, which is no language model" if facts.offline else f"the model {cell(facts.model)}"
    notice = f"> **{OFFLINE_NOTICE}**\n\n" if facts.offline else ""
    return f"""# {cell(facts.title)}

{notice}{facts.dialogues:,} dialogues between a user and an assistant that calls tools, in
{len(facts.splits.domains):,} tool domains, for fine-tuning. Every user message, call and reply was written by {maker};
no person took part. {results_text(facts.outputs)}

{files_text(facts)}

`tools` lists what the assistant is offered from the start. A tool that arrives later is announced at the end of the
user message it comes with: `{ANNOUNCEMENT.strip().format(definition="{definition as JSON}")}`."""


def _how(facts: CardFacts) -> str:
    model = f"`{OFFLINE_MODEL}`" if facts.offline else cell(facts.model)
    return f"""## How it was made

Model: {model}. Method: {method_text(facts.settings)}

{table(("Setting", "Value"), _settings(facts.settings))}{_prompts(facts)}"""


def _prompts(facts: CardFacts) -> str:
    if not facts.prompts:
        return ""
    return f"\n\nPrompts, by content hash:\n\n{table(('Prompt', 'Hash'), sorted(facts.prompts.items()))}"


def _settings(settings: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, str]]:
    for name, value in sorted(settings.items()):
        # A path says where, on one machine, not what.
        if name in _NOT_OF_THE_DATA or isinstance(value, PurePath):
            continue
        if not isinstance(value, Mapping):
            yield f"{prefix}{name}", str(value)
            continue
        nested = cast("Mapping[str, Any]", value)
        if {"low", "high"} <= set(nested):
            weights = cast("Mapping[str, float]", nested.get("weights") or {})
            share = "".join(f", {number}: {weights[number]:g}" for number in sorted(weights, key=int))
            yield f"{prefix}{name}", f"{nested['low']} to {nested['high']}" + (f" ({share[2:]})" if share else "")
        else:
            yield from _settings(nested, f"{prefix}{name}.")


def _counts(facts: CardFacts) -> str:
    domains = sorted(facts.domains, key=lambda counts: counts.domain)
    rows: list[tuple[object, ...]] = [
        (d.domain, d.attempted, d.accepted, d.rejected, d.failed, _rate(d.accepted, d.attempted)) for d in domains
    ]
    if len(rows) > 1:
        ends = [[d.attempted, d.accepted, d.rejected, d.failed] for d in domains]
        sums = [sum(column) for column in zip(*ends, strict=True)]
        rows.append(("all", *sums, _rate(sums[1], sums[0])))
    parts = ["## Counts", table(("Domain", "Attempted", "Accepted", "Rejected", "Failed", "Pass rate"), rows)]
    if facts.reasons:
        reasons = sorted(facts.reasons, key=lambda r: (-r.dialogues, r.stage, r.check, r.state))
        body = [(r.stage, r.state, r.check, r.dialogues) for r in reasons]
        parts += ["Why dialogues did not get in:", table(("Stage", "End", "Check", "Dialogues"), body)]
    if facts.usage:
        bills = [*((u.stage, u.bill) for u in facts.usage), ("all", total(u.bill for u in facts.usage))]
        usage = [(name, b.calls, b.prompt_tokens, b.completion_tokens, b.words) for name, b in bills]
        parts += ["Model calls:", table(("Stage", "Calls", "Prompt tokens", "Completion tokens", "Cost"), usage)]
    return "\n\n".join(parts)


def _rate(accepted: int, attempted: int) -> str:
    return f"{accepted / attempted:.0%}" if attempted else "-"


def _splits(facts: CardFacts) -> str:
    report = facts.splits
    rows: list[tuple[object, ...]] = [(name, *(sizes[s] for s in SPLITS)) for name, sizes in report.domains.items()]
    rows.append(("all", *(report.sizes[split] for split in SPLITS)))
    text = (
        f"Dialogues with the same goals are on the same side: {report.groups:,} different tasks, {report.leakage:,} "
        f"of them on two sides; dialogues of the most frequent: {report.largest_group:,}. So are those whose user says "
        f"nearly the same or that make nearly the same calls{_near(report)}. The sides are balanced by domain, kind of "
        "injected complexity and length, and dialogues added later move none of these."
    )
    empty = ", ".join(f"`{split}`" for split in report.empty)
    note = f"\n\nEmpty, and so not in the card's configuration: {empty}." if empty else ""
    return f"## Splits\n\n{table(('Domain', *SPLITS), rows)}\n\n{text}{note}{_withheld(facts)}"


def _withheld(facts: CardFacts) -> str:
    if not facts.withheld:
        return ""
    shown = sorted(facts.withheld.items())[:_SHOWN]
    more = f" The first {_SHOWN}:" if len(facts.withheld) > _SHOWN else ""
    return f"\n\nAccepted, but in no file: {len(facts.withheld):,}.{more}\n\n{table(('Dialogue', 'Reason'), shown)}"


def _near(report: SplitReport) -> str:
    if report.near_duplicates is None:
        return ""
    return f": {report.near_duplicates:,} such pairs, {report.near_leakage:,} of them on two sides"


def _injections(facts: CardFacts) -> str:
    names = [name for kind in InjectionType for name in (kind.value, *(f"{kind}: {each}" for each in SUB_TYPES[kind]))]
    names += sorted(facts.injections.keys() - set(names))
    rows = [(name, facts.injections.get(name, 0)) for name in names]
    return f"## Injected complexity\n\n{table(('Type', 'Times'), rows)}"


def _diversity(facts: CardFacts) -> str:
    total = facts.dialogues
    found = facts.diversity
    if found is None or not total:
        return "## Diversity\n\nThere is no accepted dialogue."
    rows: list[tuple[object, ...]] = [
        ("Tools called", f"{found.tools_called:,} of {found.tools_offered:,} offered"),
        ("Turns a dialogue", f"{found.turns / total:.1f}"),
        ("Calls a dialogue", f"{found.calls / total:.1f}"),
        ("Different words among the users' words", f"{found.different_words:,} of {found.words:,}"),
        ("Different openings (first five words)", f"{found.different_openings:,} of {total:,}"),
    ]
    return f"## Diversity\n\n{table(('Measure', 'Value'), rows)}"


def _contamination(facts: CardFacts) -> str:
    found = facts.contamination
    if not found.benchmarks:
        text = "No benchmark was named to compare with, so nothing is known."
    else:
        names = ", ".join(cell(name) for name in found.benchmarks)
        text = (
            f"Each dialogue was compared with the texts of {names}; {found.rejected:,} were rejected for repeating "
            "one. None of those that are here does."
        )
    return f"## Overlap with benchmarks\n\n{text}"


def _tools(facts: CardFacts) -> str:
    sources = sorted(facts.sources, key=lambda source: (source.domain, source.source, source.licence or ""))
    rows = [(s.domain, s.source, s.tools, s.licence or "not stated") for s in sources]
    return f"## Tools\n\n{table(('Domain', 'Source', 'Tools', 'Licence'), rows)}"


def _example(facts: CardFacts) -> str:
    if facts.example is None:
        return "## Example\n\nThere is no accepted dialogue."
    row = facts.example
    shown = {
        "dialogue_id": row.dialogue.id,
        "messages": chat_messages(row.dialogue, row.tools),
        "tools": [tool["function"]["name"] for tool in listed_tools(row)],
    }
    return f"## Example\n\nThe first dialogue by id, with its tools by name only:\n\n{code_block(shown)}"


def _limits(facts: CardFacts) -> str:
    limits = [
        *results_limits(facts.outputs),
        "Rules and experts reject what they can see to be wrong; an accepted dialogue can still hold a mistake.",
        "The licence is that of the tool definitions; the terms of the model's maker can bind the text too.",
        "Check token lengths, tools included, against the trainer's limit: TRL cuts at 1,024 tokens by default.",
        "OpenAI examples call tools that were announced in a message and are not in `tools`.",
    ]
    if facts.offline:
        limits.insert(0, "The text comes from templates and the tools' schemas; mistakes were put in at set rates.")
    return "## Limits\n\n" + "\n".join(f"- {limit}" for limit in limits)
