"""``--set``: any setting by its dotted name."""

from __future__ import annotations

from pathlib import Path

import pytest

from toolace_dagster.cli.assignments import BadAssignment, read_assignments
from toolace_dagster.configuration import configure


def test_assignments_reach_every_depth_and_come_in_order(tmp_path: Path) -> None:
    given = {"seed": 1, "llm.model": "big", "llm.max_tokens": 10}
    assigned = read_assignments(
        [
            "seed=7",
            "sub_tasks.low=3",
            "sub_tasks.high=3",
            "llm.max_tokens=99",
            "llm.extra_body.top_k=5",
            'llm.extra_body.chat_template_kwargs={"enable_thinking": false}',
            "roles.judge.model=small",
            "roles.judge.temperature=0.2",
            "seed=8",
        ]
    )
    made = configure(given | assigned, home=tmp_path, environ={}).settings
    assert made.seed == 8
    assert (made.sub_tasks.low, made.sub_tasks.high) == (3, 3)
    assert (made.llm.model, made.llm.max_tokens) == ("big", 99)
    assert made.llm.extra_body == {"top_k": 5, "chat_template_kwargs": {"enable_thinking": False}}
    assert (made.model_of("judge").model, made.model_of("judge").temperature) == ("small", 0.2)
    assert made.model_of("expert").model == "big"


@pytest.mark.parametrize(
    ("assignment", "words"),
    [
        ("llm.max_token=5", "Did you mean llm.max_tokens"),
        ("llm.retry_after=5", "Did you mean llm.longest_retry_after?"),
        ("roles.judge.retry_after=5", "Did you mean roles.judge.longest_retry_after?"),
        ("roles.juge.model=x", "Did you mean roles.judge.model"),
        ("nonsense=1", "There are: "),
        ("seed", "write it as NAME=VALUE"),
        ("llm=offline", "there is no setting 'llm'"),
    ],
)
def test_a_wrong_name_is_refused_with_the_nearest(assignment: str, words: str) -> None:
    with pytest.raises(BadAssignment) as raised:
        read_assignments([assignment])
    assert words in str(raised.value)
