"""How many tokens dialogues take, tools included, and what a trainer's length limit keeps.

With a tokenizer's folder the chat template in it is rendered and counted, which is what
a trainer sees. With a `tokenizer.json` alone the text is laid out as ChatML does. With
no tokenizer the size in bytes is divided by four, and the report says that it guesses.

Belongs here: counting and adding up. Does not belong here: cutting anything.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any, cast

from jinja2 import TemplateError
from jinja2.sandbox import ImmutableSandboxedEnvironment

from toolace_dagster.dataset.exact_json import compact_json
from toolace_dagster.dataset.messages import ChatMessage, chat_messages, listed_tools
from toolace_dagster.dataset.rows import DatasetRow

LIMITS = (1024, 2048, 4096, 8192, 16384, 32768)
"""Length limits that trainers are often given; TRL's default is the first."""

_BYTES_OF_A_TOKEN = 4
_GENERATION = re.compile(r"\{%-?\s*(end)?generation\s*-?%\}")

Count = Callable[[str], int]
Render = Callable[[list[ChatMessage], list[dict[str, Any]]], str]


class TokenizerUnusable(ValueError):
    """A tokenizer that can't be read; says why and what to do."""


class TemplateRefused(ValueError):
    """A chat template that can't render a dialogue; says why."""


@dataclass(frozen=True)
class TokenCounter:
    """Counts the tokens of a dialogue.

    Attributes:
        count: Tokens of a text.
        render: The text a trainer would see; raises ``TemplateRefused``.
        words: How the counting is done, for the report.
        exact: Whether it is what a trainer with this tokenizer counts.
    """

    count: Count
    render: Render
    words: str
    exact: bool


@dataclass(frozen=True)
class TokenReport:
    """Lengths of dialogues in tokens.

    Attributes:
        words: How they were counted.
        exact: Whether they are what a trainer counts.
        lengths: Of the whole dialogues with their tools, ascending.
        tools: Of the tools alone, ascending.
        refused: Dialogues the chat template raised on, which are in neither list.
        refusal: What it said first.
    """

    words: str
    exact: bool
    lengths: tuple[int, ...]
    tools: tuple[int, ...]
    refused: int = 0
    refusal: str = ""

    def kept(self, limit: int) -> int:
        """Dialogues that fit into so many tokens."""
        return sum(length <= limit for length in self.lengths)


def open_tokenizer(source: Path | None) -> TokenCounter:
    """Make a counter.

    Args:
        source: A `tokenizer.json`, or a folder that holds one, as models have; None guesses.

    Raises:
        TokenizerUnusable: If it can't be read, or the extra is missing.
    """
    if source is None:
        return TokenCounter(
            lambda text: -(-len(text.encode(errors="surrogatepass")) // _BYTES_OF_A_TOKEN),
            chatml,
            f"guessed: bytes divided by {_BYTES_OF_A_TOKEN}; name your model's tokenizer to count",
            exact=False,
        )
    path = source / "tokenizer.json" if source.is_dir() else source
    if find_spec("tokenizers") is None:
        raise TokenizerUnusable('counting tokens needs the extra: pip install "toolace-dagster[tokens]"')
    if not path.is_file():
        raise TokenizerUnusable(f"{source} holds no tokenizer.json")
    from tokenizers import Tokenizer

    try:
        tokenizer = Tokenizer.from_file(str(path))
    except Exception as error:
        raise TokenizerUnusable(f"{path} is no tokenizer of the `tokenizers` library: {error}") from error
    template = _template_of(source) if source.is_dir() else None

    def count(text: str) -> int:
        return len(tokenizer.encode(text, add_special_tokens=False).ids)

    if template is None:
        words = f"counted with {path.name}, laid out as ChatML: no chat template was found"
        return TokenCounter(count, chatml, words, exact=False)
    return TokenCounter(count, template, f"counted with the tokenizer and chat template in {source.name}", exact=True)


def count_tokens(rows: Iterable[DatasetRow], counter: TokenCounter) -> TokenReport:
    """Count dialogues.

    Args:
        rows: The dialogues.
        counter: From :func:`open_tokenizer`.
    """
    lengths: list[int] = []
    tools: list[int] = []
    refused, refusal = 0, ""
    of_tools: dict[str, int] = {}
    for row in rows:
        listed = listed_tools(row)
        try:
            text = counter.render(chat_messages(row.dialogue, row.tools), listed)
        except TemplateRefused as error:
            refused, refusal = refused + 1, refusal or str(error)
            continue
        lengths.append(counter.count(text))
        for tool in listed:
            key = row.tools[tool["function"]["name"]].fingerprint
            if key not in of_tools:
                of_tools[key] = counter.count(compact_json(tool))
        tools.append(sum(of_tools[row.tools[tool["function"]["name"]].fingerprint] for tool in listed))
    return TokenReport(counter.words, counter.exact, tuple(sorted(lengths)), tuple(sorted(tools)), refused, refusal)


def quantile(ordered: Sequence[int], share: float) -> int:
    """The value below which a share of the values lies; 0 where there is none."""
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))] if ordered else 0


def chatml(messages: list[ChatMessage], tools: list[dict[str, Any]]) -> str:
    """A dialogue as ChatML lays it out: tools in the system message, calls and answers as JSON."""
    parts = ["<|im_start|>system\n", *(f"{compact_json(tool)}\n" for tool in tools), "<|im_end|>\n"]
    for message in messages:
        calls = [
            f"<tool_call>\n{compact_json(call['function'])}\n</tool_call>" for call in message.get("tool_calls", ())
        ]
        parts.append(f"<|im_start|>{message['role']}\n" + "\n".join([message["content"], *calls]) + "<|im_end|>\n")
    return "".join(parts)


def _template_of(folder: Path) -> Render | None:
    """The chat template of a model's folder, run in a sandbox; None where it has none."""
    text, special = _template_text(folder)
    if text is None:
        return None
    environment = ImmutableSandboxedEnvironment(
        trim_blocks=True, lstrip_blocks=True, extensions=["jinja2.ext.loopcontrols"]
    )
    environment.filters["tojson"] = _tojson  # pyright: ignore[reportUnknownMemberType]
    environment.globals["raise_exception"] = _raise  # pyright: ignore[reportUnknownMemberType]
    environment.globals["strftime_now"] = _today  # pyright: ignore[reportUnknownMemberType]
    try:
        # What marks the assistant's words for the loss renders nothing.
        template = environment.from_string(_GENERATION.sub("", text))
    except TemplateError as error:
        raise TokenizerUnusable(f"the chat template in {folder} can't be read: {error}") from error

    def render(messages: list[ChatMessage], tools: list[dict[str, Any]]) -> str:
        try:
            return template.render(messages=messages, tools=tools, add_generation_prompt=False, **special)
        except TemplateError as error:
            raise TemplateRefused(str(error) or type(error).__name__) from error
        except Exception as error:
            # Anybody's program: one that adds a text to an object, say, ends with a TypeError.
            raise TemplateRefused(f"{type(error).__name__}: {error}") from error

    return render


def _template_text(folder: Path) -> tuple[str | None, dict[str, str]]:
    path = folder / "tokenizer_config.json"
    config = _config(path) if path.is_file() else {}
    names = ("bos_token", "eos_token", "pad_token", "unk_token")
    special = {name: text for name in names if (text := _special(config.get(name)))}
    if (file := folder / "chat_template.jinja").is_file():
        return _read(file), special
    found = config.get("chat_template")
    if isinstance(found, list):
        try:
            named = {str(each["name"]): str(each["template"]) for each in found}  # pyright: ignore[reportUnknownVariableType, reportUnknownArgumentType]
        except (KeyError, TypeError) as error:
            raise TokenizerUnusable(f"{path}: chat_template is no list of names with templates") from error
        return named.get("tool_use", named.get("default")), special
    if found is not None and not isinstance(found, str):
        raise TokenizerUnusable(f"{path}: chat_template is neither a text nor a list")
    return found, special


def _config(path: Path) -> dict[str, Any]:
    try:
        config: Any = json.loads(_read(path))
    except (ValueError, RecursionError) as error:
        raise TokenizerUnusable(f"{path} is not JSON: {error}") from error
    if not isinstance(config, dict):
        raise TokenizerUnusable(f"{path} is no JSON object")
    return cast("dict[str, Any]", config)


def _special(value: Any) -> str:
    return value if isinstance(value, str) else str(value.get("content", "")) if isinstance(value, dict) else ""  # pyright: ignore[reportUnknownMemberType, reportUnknownArgumentType]


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise TokenizerUnusable(f"{path} can't be read: {error}") from error


def _tojson(
    value: Any,
    ensure_ascii: bool = False,
    indent: int | None = None,
    separators: tuple[str, str] | None = None,
    sort_keys: bool = False,
) -> str:
    # As transformers has it, arguments and their order too.
    return json.dumps(value, ensure_ascii=ensure_ascii, indent=indent, separators=separators, sort_keys=sort_keys)


def _raise(message: str) -> None:
    raise TemplateError(message)


def _today(form: str) -> str:
    """The date as a template would show it; any day is as long as another."""
    return form
