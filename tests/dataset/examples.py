"""Examples of every format, made of one dialogue that has a place for every fault, and their errors."""

from __future__ import annotations

import copy
import json
from typing import Any

from tests.builders import call, dialogue, output, reply, user
from tests.dataset.rows import row
from toolace_dagster.dataset import LINE_FORMATS, DatasetRow, chat_messages, listed_tools
from toolace_dagster.dataset.checking import check_example
from toolace_dagster.entities import ToolCall
from toolace_dagster.settings import CheckedFormat, FormatName


def example(name: FormatName, given_row: DatasetRow) -> dict[str, Any]:
    if name == "trl":
        made: dict[str, Any] = {
            "messages": chat_messages(given_row.dialogue, given_row.tools),
            "tools": listed_tools(given_row),
        }
    else:
        made = LINE_FORMATS[name].example(given_row, ())
    return json.loads(json.dumps(made))


def full() -> DatasetRow:
    """A dialogue with two parallel calls, so that every fault has a place."""
    two = (
        ToolCall(id="p1", name="find_garage", arguments={"city": "Ghent"}),
        ToolCall(id="p2", name="find_garage", arguments={"city": "Bruges", "limit": 2}),
    )
    both = reply("t1", "", tool_calls=two)
    rate = call("t5", "rate_garage", {"garage_id": "GR-1", "stars": 4}, 1)
    turns = (
        user("t0", "Find garages in Ghent and Bruges."),
        both,
        output("t2", both, {"garages": []}),
        reply("t3", "There are none."),
        user("t4", "Rate GR-1: 4 stars.", 1),
        rate,
        output("t6", rate, {"ok": True}),
        reply("t7", "Rated.", 1),
    )
    return row(dialogue=dialogue(turns))


def checks(name: CheckedFormat, made: Any) -> set[str]:
    return {finding.check for finding in check_example(made, name) if finding.severity == "error"}


def pair() -> dict[str, Any]:
    made = example("trl", full())
    messages = made["messages"]
    rejected = copy.deepcopy(messages[6])
    rejected["tool_calls"][0]["function"]["arguments"] = {"garage_id": "GR-1", "stars": "four"}
    return {"prompt": messages[:6], "chosen": messages[6:7], "rejected": [rejected], "tools": made["tools"]}
