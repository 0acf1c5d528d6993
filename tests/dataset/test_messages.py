"""A dialogue as chat messages."""

from __future__ import annotations

import datetime as dt
import json

import pytest

from tests.builders import RATE, TOOLS, call, dialogue, garage_turns, output, reply, user
from tests.dataset.rows import row
from toolace_dagster.dataset import chat_messages, listed_tools
from toolace_dagster.entities import ToolCall


def test_each_turn_becomes_its_messages():
    messages = chat_messages(dialogue(), TOOLS)
    assert messages[:3] == [
        {"role": "user", "content": "Find me a garage in Ghent and book it for 14 July 2026."},
        {
            "role": "assistant",
            "content": "",
            "tool_calls": [
                {
                    "id": "call_t01",
                    "type": "function",
                    "function": {"name": "find_garage", "arguments": {"city": "Ghent"}},
                }
            ],
        },
        {
            "role": "tool",
            "tool_call_id": "call_t01",
            "name": "find_garage",
            "content": '{"garages":[{"garage_id":"GR-771","name":"Dok Noord"}]}',
        },
    ]
    assert messages[-1] == {"role": "assistant", "content": "I rated them 4 stars."}
    assert "system" not in {message["role"] for message in messages}


def test_no_message_holds_null_or_a_key_without_use():
    for message in chat_messages(dialogue(), TOOLS):
        assert None not in message.values()
        assert message.get("tool_calls", True)


def test_a_call_turn_keeps_its_text():
    acting = call("t1", "find_garage", {"city": "Ghent"}).model_copy(update={"content": "I'll look."})
    turns = (user("t0", "Find one."), acting, output("t2", acting, []), reply("t3", "None."))
    assert chat_messages(dialogue(turns), TOOLS)[1]["content"] == "I'll look."


@pytest.mark.parametrize(
    ("content", "text"),
    [('plain "text"', 'plain "text"'), (None, "null"), ([1, 0.7], "[1,0.7]"), ({"é": "ü"}, '{"é":"ü"}'), ("", "")],
)
def test_tool_content_is_json_text_and_strings_stay(content: object, text: str):
    acting = call("t1", "find_garage", {"city": "Ghent"})
    turns = (user("t0", "Find one."), acting, output("t2", acting, content), reply("t3", "There."))
    assert chat_messages(dialogue(turns), TOOLS)[2]["content"] == text


def test_parallel_calls_give_one_tool_message_each():
    two = (
        ToolCall(id="a", name="find_garage", arguments={"city": "Ghent"}),
        ToolCall(id="b", name="find_garage", arguments={"city": "Bruges"}),
    )
    acting = reply("t1", "", tool_calls=two)
    turns = (user("t0", "Find two."), acting, output("t2", acting, []), reply("t3", "None."))
    messages = chat_messages(dialogue(turns), TOOLS)
    assert [message.get("tool_call_id") for message in messages] == [None, None, "a", "b", None]


def test_a_late_tool_is_announced_where_it_arrives_and_not_listed():
    opening, *rest = garage_turns()[6:]
    turns = (*garage_turns()[:6], opening.model_copy(update={"tools_added": ("rate_garage",)}), *rest)
    late = dialogue(turns, initial_tools=("find_garage", "book_service"))
    definition = json.dumps(RATE.as_openai(), separators=(",", ":"), ensure_ascii=False)

    messages = chat_messages(late, TOOLS)

    users = [message["content"] for message in messages if message["role"] == "user"]
    assert users[1] == f"Give them 4 stars, would you?\n\n[A tool has been added: {definition}]"
    assert "added" not in users[0]
    listed = [tool["function"]["name"] for tool in listed_tools(row(dialogue=late))]
    assert listed == ["find_garage", "book_service"]


def test_a_tool_offered_already_is_not_announced_again():
    turns = (
        user("t0", "Hello.", tools_added=("rate_garage", "find_garage", "rate_garage")),
        reply("t1", "Hello."),
        user("t2", "Again.", tools_added=("rate_garage",)),
        reply("t3", "Yes."),
    )
    messages = chat_messages(dialogue(turns, initial_tools=("find_garage",)), TOOLS)
    assert [message["content"].count("A tool has been added") for message in messages] == [1, 0, 0, 0]


def test_the_day_is_told_where_a_user_names_one_that_only_it_can_tell() -> None:
    turns = list(garage_turns())
    day = dt.date(2026, 7, 10)
    plain = chat_messages(dialogue(today=day), TOOLS)
    assert plain == chat_messages(dialogue(), TOOLS), "14 July 2026 needs no day"
    turns[0] = turns[0].model_copy(update={"content": "Find me a garage in Ghent for tomorrow."})
    turns[6] = turns[6].model_copy(update={"content": "Give them 4 stars today."})
    told = chat_messages(dialogue(tuple(turns), today=day), TOOLS)
    users = [message["content"] for message in told if message["role"] == "user"]
    assert users == [
        "Find me a garage in Ghent for tomorrow.\n\n[Today is Friday, 2026-07-10.]",
        "Give them 4 stars today.",
    ]
    untold = chat_messages(dialogue(tuple(turns)), TOOLS)
    assert not any("Today is" in message["content"] for message in untold)
