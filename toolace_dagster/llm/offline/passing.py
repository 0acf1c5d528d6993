"""What a user says first where days have gone by since the sub-task before.

Belongs here: these sentences. Does not belong here: the request itself (``speech``).
"""

from __future__ import annotations

from random import Random
from typing import Any

from toolace_dagster.llm.offline.scene import sub_task_of
from toolace_dagster.llm.offline.voices import Voice

_SENTENCES = {
    "English": (
        "I'm back a few days later, and everything took place as arranged.",
        "That was last week by now, and it went ahead.",
        "Some days on: what we arranged has happened.",
        "It's been a while, and that is behind us now.",
        "So, it all went through in the meantime.",
        "Days later, and it's done on their side.",
    ),
    "German": ("Inzwischen sind ein paar Tage vergangen, und alles hat stattgefunden.",),
    "French": ("Quelques jours ont passé et tout a eu lieu comme prévu.",),
    "Spanish": ("Han pasado unos días y todo se hizo como estaba previsto.",),
}


def with_time_passed(text: str, task: dict[str, Any], dialogue: list[dict[str, Any]], at: int, voice: Voice) -> str:
    """A message, with what has happened in the meantime where it opens a sub-task before which time passes.

    Args:
        text: The message.
        task: The task.
        dialogue: Turns as the request shows them.
        at: Position of the message's turn.
        voice: The user's manner.
    """
    index = sub_task_of(dialogue[at]) if at < len(dialogue) else -1
    opens = not at or sub_task_of(dialogue[at - 1]) != index
    parts: list[Any] = task.get("sub_tasks") or []
    passes = opens and 0 <= index < len(parts) and bool(parts[index].get("time_passes"))
    return f"{later_on(task, index, voice)} {text}" if passes else text


def later_on(task: dict[str, Any], index: int, voice: Voice) -> str:
    """The sentence itself, the same whenever this sub-task is written."""
    sentences = _SENTENCES.get(voice.language, _SENTENCES["English"])
    return voice.finish(Random(f"{task.get('scenario')}/{index}").choice(sentences))  # noqa: S311 - no secret
