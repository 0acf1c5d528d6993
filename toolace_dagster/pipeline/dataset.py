"""What spans domains: splits, exports and the dataset card, from verified dialogues.

Belongs here: reading rows of all domains, writing and recalling what was made of
them. Does not belong here: how a split is chosen or a file is written
(``dataset``).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from toolace_dagster.dataset import (
    DatasetRow,
    Split,
    SplitReport,
    SplitTally,
    Traits,
    deal,
    row_faults,
    traits_of,
)
from toolace_dagster.entities import Entity, content_hash
from toolace_dagster.pipeline.verified import dataset_domains, dataset_rows, made_of_rows
from toolace_dagster.settings import MONEY_SETTINGS, Settings
from toolace_dagster.settings.operation import OPERATION_SETTINGS
from toolace_dagster.warehouse import Row, Warehouse, insert, sql


class SplitOutcome(Entity):
    """Splits as assigned.

    Attributes:
        report: Sizes and leakage.
        withheld: Dialogues that are in no file, with the reason: no format can hold them, or they would leak on
            either side.
    """

    report: SplitReport
    withheld: dict[str, str]


def dataset_fingerprint(warehouse: Warehouse, settings: Settings) -> str:
    """Content hash of all verified dialogues, their ends and the settings of splits and card."""
    beside = {
        "formats",
        "loss_mask",
        "slices",
        "pool",
        "domain_limit",
        "skip_deprecated",
        "cache",
        "llm",
        *OPERATION_SETTINGS,
        *MONEY_SETTINGS,
    }
    parts: list[object] = [settings.model_dump(mode="json", exclude=beside)]
    for domain in dataset_domains(warehouse, settings):
        store = warehouse.domain(domain)
        ends = store.read(sql("queries/domain_outcomes"))
        parts.append([domain, store.read(sql("queries/dataset_content")), ends])
    return content_hash(parts)


def part_fingerprint(dataset: str, settings: Settings, *own: str) -> str:
    """Fingerprint of a part: that of the dataset, and the settings that decide this part alone."""
    return content_hash(dataset, settings.of(*own)) if own else dataset


@dataclass(frozen=True)
class DealtSplits:
    """Sides as they would be stored.

    Attributes:
        outcome: Sizes, leakage and what was withheld.
        sides: The side by dialogue id, of all but those withheld.
        domains: The domain by dialogue id, of all.
        new: Rows of the table ``dealt_splits`` that are not stored yet.
    """

    outcome: SplitOutcome
    sides: Mapping[str, Split]
    domains: Mapping[str, str]
    new: Sequence[Row]


def make_splits(warehouse: Warehouse, settings: Settings) -> SplitOutcome:
    """Give every verified dialogue a side and write the tables ``splits`` and ``dealt_splits``.

    Sides given before are kept, also of dialogues that are gone for now. A change of the settings that decide
    sides deals anew; going back to the old ones gives the old sides back.
    """
    dealt = deal_splits(warehouse, settings)
    withheld = dealt.outcome.withheld
    with warehouse.shared.write() as connection:
        connection.execute("DELETE FROM splits")
        insert(
            connection,
            "splits",
            [
                {"dialogue_id": name, "domain": domain, "split": dealt.sides.get(name), "fault": withheld.get(name)}
                for name, domain in dealt.domains.items()
            ],
        )
        insert(connection, "dealt_splits", dealt.new)
    remember(warehouse, settings, "splits", dealt.outcome)
    return dealt.outcome


def deal_splits(warehouse: Warehouse, settings: Settings) -> DealtSplits:
    """Give every verified dialogue a side without writing anything; sides that are stored are kept."""
    withheld: dict[str, str] = {}
    domains: dict[str, str] = {}
    traits: list[Traits] = []
    for dialogue_id, domain, found in made_of_rows(warehouse, settings, _traits_or_faults):
        domains[dialogue_id] = domain
        if isinstance(found, str):
            withheld[dialogue_id] = found
        else:
            traits.append(found)
    deal_name = content_hash(
        settings.of("validation_share", "test_share", "split_likeness", "split_apart"),
        # Sides dealt when a tool counted anew in each domain do not keep tools apart.
        *(["tools by name"] if settings.split_apart == "tools" else []),
    )
    stored: dict[str, Split] = {
        row["dialogue_id"]: row["split"]
        for row in warehouse.shared.read(sql("queries/dealt_splits"), {"deal": deal_name})
    }
    dealt = deal(
        traits,
        shares={"validation": settings.validation_share, "test": settings.test_share},
        threshold=settings.split_likeness,
        apart=settings.split_apart,
        stored=stored,
    )
    withheld |= dealt.withheld
    new = [name for name in dealt.sides if name not in stored]
    tally = SplitTally()
    for each in traits:
        if each.dialogue_id in dealt.sides:
            tally.add(each, dealt.sides[each.dialogue_id])
    report = tally.report().model_copy(update={"near_duplicates": len(dealt.near), "near_leakage": dealt.parted})
    return DealtSplits(
        outcome=SplitOutcome(report=report, withheld=withheld),
        sides=dealt.sides,
        domains=domains,
        new=[
            {
                "deal": deal_name,
                "age": age,
                "dialogue_id": name,
                "anchor": dealt.anchors[name],
                "split": dealt.sides[name],
            }
            for age, name in enumerate(new, start=len(stored))
        ],
    )


def _traits_or_faults(rows: Sequence[DatasetRow]) -> list[tuple[str, str, Traits | str]]:
    faults = [" ".join(row_faults(row)) for row in rows]
    traits = iter(traits_of([row for row, fault in zip(rows, faults, strict=True) if not fault]))
    return [
        (row.dialogue.id, row.dialogue.domain, fault or next(traits)) for row, fault in zip(rows, faults, strict=True)
    ]


def count_verified(warehouse: Warehouse, settings: Settings) -> int:
    """Number of verified dialogues of the dataset's domains."""
    domains = dataset_domains(warehouse, settings)
    return sum(len(warehouse.domain(domain).read(sql("queries/dataset_content"))) for domain in domains)


def split_rows(
    warehouse: Warehouse, settings: Settings, sides: Mapping[str, Split] | None = None
) -> Iterator[DatasetRow]:
    """The dataset's rows with their splits.

    Args:
        warehouse: The home's files.
        settings: Settings of the home.
        sides: The side by dialogue id; as the ``splits`` table has them if left out.
    """
    splits = stored_splits(warehouse) if sides is None else sides
    for row in dataset_rows(warehouse, settings):
        if split := splits.get(row.dialogue.id):
            yield row.model_copy(update={"split": split})


def stored_splits(warehouse: Warehouse) -> dict[str, Split]:
    """The side of each dialogue that has one, as the ``splits`` table has them."""
    rows = warehouse.shared.read(sql("queries/splits"))
    return {row["dialogue_id"]: row["split"] for row in rows if row["split"] is not None}


def stored_withheld(warehouse: Warehouse) -> dict[str, str]:
    """Why dialogues are in no file, by id, as the ``splits`` table has it."""
    rows = warehouse.shared.read(sql("queries/splits"))
    return {row["dialogue_id"]: row["fault"] for row in rows if row["split"] is None}


def splits_content(warehouse: Warehouse, settings: Settings) -> str:
    """Content hash of the sides and of the dialogues that have them."""
    sides = sorted(list(map(str, row.values())) for row in warehouse.shared.read(sql("queries/splits")))
    stores = [warehouse.domain(name) for name in dataset_domains(warehouse, settings)]
    rows = [row for store in stores for row in store.read(sql("queries/dataset_content"))]
    return content_hash(sides, [[row["dialogue_id"], row["content_hash"]] for row in rows])


def exported_content(warehouse: Warehouse, settings: Settings) -> str:
    """Content hash of what an export of the home holds: the dialogues that have a side, with it."""
    sides = stored_splits(warehouse)
    return content_hash(
        [
            [row["dialogue_id"], sides[row["dialogue_id"]], row["content_hash"]]
            for domain in dataset_domains(warehouse, settings)
            for row in warehouse.domain(domain).read(sql("queries/dataset_content"))
            if row["dialogue_id"] in sides
        ]
    )


def dataset_facts(warehouse: Warehouse) -> dict[str, Row]:
    """What is stored of splits, exports and card, by part."""
    return {row["name"]: row for row in warehouse.shared.read(sql("queries/dataset_facts"))}


def remember(warehouse: Warehouse, settings: Settings, part: str, facts: Entity, *own: str) -> None:
    """Store what was made, with the fingerprint of what it was made from.

    Args:
        warehouse: The home's files.
        settings: Settings it was made with.
        part: What was made.
        facts: What is to be known of it.
        *own: Settings that decide this part alone.
    """
    row = {
        "name": part,
        "fingerprint": part_fingerprint(dataset_fingerprint(warehouse, settings), settings, *own),
        "facts": facts.model_dump(mode="json"),
    }
    with warehouse.shared.write() as connection:
        connection.execute("DELETE FROM dataset_facts WHERE name = $name", {"name": part})
        insert(connection, "dataset_facts", [row])
