"""What the dataset card says of the files beside it, in words and to ``datasets``.

Belongs here: the list of files, and the head's ``configs``. Does not belong here: what
the card says of the dialogues (``card``).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, cast

from toolace_dagster.dataset.card_facts import CardFacts
from toolace_dagster.dataset.card_text import cell
from toolace_dagster.dataset.formats import FEATURES, LINE_FORMATS, trl_path
from toolace_dagster.dataset.rows import SPLITS, Split

_TRL = "trl"


def configs(facts: CardFacts) -> dict[str, Any]:
    """What a card's head tells ``datasets`` to read: the files for TRL, where there are some."""
    # `datasets` refuses to load a dataset that names a split without rows.
    filled: list[Split] = [split for split in SPLITS if facts.splits.sizes[split]] if _TRL in facts.rows else []
    if not filled:
        return {}
    features = [
        {"name": name, "list": "json"} if column["_type"] == "List" else {"name": name, "dtype": column["dtype"]}
        for name, column in FEATURES.items()
    ]
    data_files = [{"split": split, "path": trl_path(split)} for split in filled]
    return {
        "configs": [{"config_name": "default", "data_files": data_files}],
        "dataset_info": {"config_name": "default", "features": features},
    }


def files_text(facts: CardFacts) -> str:
    """The list of files, each with its rows and what it was made with."""
    lines = [
        f"- `{folder}/`: for {cell(title)}.{_rows(facts, folder)}{_made_with(facts, folder)}"
        for folder, title in sorted(facts.formats.items())
        if folder != _TRL
    ]
    if _TRL in facts.rows:
        lines.insert(0, _trl(facts))
    if facts.pairs is not None:
        lines.append(f"- `preferences/`: preference pairs for TRL, chosen over rejected. Rows: {facts.pairs:,}.")
    lines += [
        f"- `{folder}/`: of an earlier export, so its rows and sides are not those told here."
        for folder in sorted(facts.earlier)
    ]
    if not lines:
        return "No file of this data stands beside the card."
    if _TRL not in facts.rows and facts.formats:
        lines.append(f"\n{_unread_by_datasets(facts)}")
    return "\n".join(lines)


def _trl(facts: CardFacts) -> str:
    return (
        f"- `{trl_path('train')}` and its siblings: for TRL, read with `datasets`. Columns: `dialogue_id`, `domain`, "
        "`kind`, `messages`,\n  `tools`; call arguments are objects. The `.jsonl` files hold the same, each message as "
        f"JSON text.{_rows(facts, _TRL)}{_made_with(facts, _TRL)}"
    )


def _unread_by_datasets(facts: CardFacts) -> str:
    path = next(LINE_FORMATS[name].path("train") for name in LINE_FORMATS if name in facts.formats)
    return (
        "There are no files for TRL here, and none is named to `datasets`, which would pad objects with nulls.\n"
        f"Read them with their trainers, or line by line: each line of `{path}` is an example as JSON."
    )


def _made_with(facts: CardFacts, name: str) -> str:
    settings = facts.made_with.get(name, {})
    masked = ", ".join(f"`{turn}`" for turn in settings.get("loss_mask") or ())
    slices = cast("Mapping[str, float]", settings.get("slices") or {})
    shares = ", ".join(f"`{kind}` {share:g}" for kind, share in slices.items() if share)
    told = f" To be kept out of the loss: {masked}." if masked else ""
    return f"{told} Examples asked for a dialogue: {shares}." if shares else told


def _rows(facts: CardFacts, name: str) -> str:
    kinds = facts.rows.get(name)
    if not kinds:
        return ""
    cut = ", ".join(
        f"{number:,} of `{kind}`" for kind, number in sorted(kinds.items()) if kind != "dialogue" and number
    )
    text = f" Rows: {sum(kinds.values()):,}"
    return (
        f"{text}; {kinds.get('dialogue', 0):,} dialogues, and examples cut out of them: {cut}." if cut else f"{text}."
    )
