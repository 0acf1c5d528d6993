"""Which chat templates that TRL bundles render our export: a table, as docs/training.md has it.

Needs the extra `train`. Each template is rendered by transformers over every row of a TRL
export, and the text is searched for what should be in it: the name of each tool offered,
and the name and the values of each call.

    python benchmarks/chat_templates.py --data toolace_data/exports/trl/train.parquet [--write docs/training.md]
"""

from __future__ import annotations

import argparse
import json
import re
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from typing import Any

from toolace_dagster.dataset import read_trl

BEGIN, END = "<!-- chat templates: made by benchmarks/chat_templates.py -->", "<!-- end of chat templates -->"
HEADER = ("Template", "Rows", "Tools", "Calls", "Loss on replies only", "What it says")


def templates() -> Iterator[tuple[str, str, bool]]:
    """Name and text of each bundled template, and whether TRL can mark what the assistant says."""
    folder = Path(str(import_module("trl").__file__)).parent / "chat_templates"
    for path in sorted(folder.glob("*.jinja")):
        if path.stem.endswith("_training"):
            continue
        text = path.read_text(encoding="utf-8")
        marked = "{% generation" in text or "{%- generation" in text
        yield path.stem, text, marked or path.with_name(f"{path.stem}_training.jinja").exists()


def values(arguments: Any) -> Iterator[str]:
    """The texts and numbers among arguments."""
    if isinstance(arguments, dict):
        for each in arguments.values():
            yield from values(each)
    elif isinstance(arguments, list):
        for each in arguments:
            yield from values(each)
    elif isinstance(arguments, str):
        yield arguments
    elif isinstance(arguments, int | float) and not isinstance(arguments, bool):
        yield json.dumps(arguments)


def is_rendered(value: str, text: str) -> bool:
    """Whether a value stands in a text, in one of the spellings that JSON allows."""
    return value in text or any(json.dumps(value, ensure_ascii=plain)[1:-1] in text for plain in (True, False))


def judged(template: str, rows: list[dict[str, Any]]) -> tuple[int, bool, bool, str]:
    """Rows rendered, whether all their tools and all their calls are in the text, and the first refusal."""
    render = import_module("transformers.utils.chat_template_utils").render_jinja_template
    done, tools, calls, said = 0, True, True, ""
    for row in rows:
        try:
            (text, *_), _ = render(
                conversations=[row["messages"]],
                tools=row["tools"],
                chat_template=template,
                **{f"{name}_token": f"<{name}>" for name in ("bos", "eos", "pad", "unk")},
            )
        except Exception as error:
            said = said or f"{type(error).__name__}: {error}"
            continue
        done += 1
        # Definitions come before the first message, so that a name in a call is not taken for one.
        head = text.split(row["messages"][0]["content"])[0]
        tools = tools and all(tool["function"]["name"] in head for tool in row["tools"])
        made = [call["function"] for message in row["messages"] for call in message.get("tool_calls", ())]
        tail = text[len(head) :]
        calls = calls and all(
            call["name"] in tail and all(is_rendered(value, tail) for value in values(call["arguments"]))
            for call in made
        )
    return done, tools, calls, said


def table(rows: list[dict[str, Any]]) -> str:
    lines = ["| " + " | ".join(HEADER) + " |", "|---|---:|---|---|---|---|"]
    for name, text, marked in templates():
        done, tools, calls, said = judged(text, rows)
        shown = [
            name,
            f"{done} of {len(rows)}",
            "-" if not done else "yes" if tools else "**dropped**",
            "-" if not done else "yes" if calls else "**dropped**",
            "yes" if marked else "no",
            re.sub(r"\s+", " ", said)[:90].replace("|", "\\|"),
        ]
        lines.append("| " + " | ".join(shown) + " |")
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, default=Path("toolace_data/exports/trl/train.parquet"))
    parser.add_argument("--write", type=Path, help="Markdown file whose table is renewed")
    arguments = parser.parse_args()
    made = table(list(read_trl(arguments.data)))
    if arguments.write is None:
        print(made)
        return
    text = arguments.write.read_text(encoding="utf-8")
    before, after = text.split(BEGIN)[0], text.split(END)[1]
    arguments.write.write_text(f"{before}{BEGIN}\n{made}\n{END}{after}", encoding="utf-8")


if __name__ == "__main__":
    main()
