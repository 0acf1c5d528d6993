"""Rows made ready for a format's files: all the work on a row that needs no other row.

Belongs here: a row as its line, with what reports count of it. Does not belong here:
writing lines (``export``), or any file's form (``formats``).
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field

from toolace_dagster.dataset.formats import LINE_FORMATS, Written, written_line, written_trl
from toolace_dagster.dataset.messages import masked_turns
from toolace_dagster.dataset.rows import DatasetRow, RowKind, Split
from toolace_dagster.dataset.slices import SliceShares, slices_of
from toolace_dagster.dataset.splits import require_split
from toolace_dagster.dataset.traits import Outline, outline_of
from toolace_dagster.settings import FormatName, MaskedTurn, SliceKind


@dataclass(frozen=True)
class ReadyRow:
    """A row that has only to be written.

    Attributes:
        outline: What reports on the sides count.
        split: Its side.
        kind: What it is.
        cut_from: Id of the dialogue it was cut out of; None for a whole one.
        masked: Its turns that the settings keep out of the loss.
        texts: Its turns that say something beside their calls.
        written: Its line.
        examples: The first example of each kind that can be cut out of it, of the kinds asked for.
    """

    outline: Outline
    split: Split
    kind: RowKind
    cut_from: str | None
    masked: int
    texts: int
    written: Written
    examples: Mapping[SliceKind, ReadyRow] = field(default_factory=dict["SliceKind", "ReadyRow"])


def made_ready(
    row: DatasetRow, name: FormatName, mask: Collection[MaskedTurn] = (), slices: Collection[SliceKind] = ()
) -> ReadyRow:
    """Make a row ready.

    Args:
        row: The row, with its split.
        name: The format.
        mask: Assistant turns to keep out of the loss.
        slices: Kinds of examples to cut out of it as well.

    Raises:
        ExportError: If the row has no split, or no file can hold it.
    """
    form = LINE_FORMATS.get(name)
    return ReadyRow(
        outline=outline_of(row),
        split=require_split(row),
        kind=row.kind,
        cut_from=row.cut_from,
        masked=len(masked_turns(row.dialogue, mask)) if mask else 0,
        texts=sum(turn.is_call and bool(turn.content.strip()) for turn in row.dialogue.turns),
        written=written_line(form, row, mask) if form else written_trl(row, mask),
        examples={
            kind: made_ready(example, name, mask) for kind in slices for example in list(slices_of(row, kind))[:1]
        },
    )


def with_examples(rows: Iterable[ReadyRow], shares: Mapping[SliceKind, float]) -> Iterator[ReadyRow]:
    """The rows, with as many of their examples as the shares ask for, as ``with_slices`` takes them.

    Args:
        rows: Dialogues, with examples of the kinds that have a share.
        shares: Examples of a kind for each dialogue, 0 to 1.

    Yields:
        Dialogues and examples.
    """
    kept = SliceShares[ReadyRow](shares)
    for row in rows:
        yield row
        yield from kept.take(row.split, row.examples)
