"""The validator against examples mutated at random: nothing breaks it, and it refuses what OpenAI's schema refuses."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, get_args

import jsonschema_rs
import pytest

from tests.dataset.examples import checks, example, full, pair
from tests.dataset.mutations import mutations
from tests.dataset.rows import row
from toolace_dagster.dataset.checking.openai_schema import openai_schema
from toolace_dagster.settings import CheckedFormat

SCHEMA = Path(__file__).parents[1] / "fixtures/openai/FineTuneChatRequestInput.schema.json"


def accepts(schema: jsonschema_rs.Draft202012Validator, made: Any) -> bool | None:
    """None for what can't be shown to the validator at all."""
    try:
        return schema.is_valid(made)
    except ValueError:
        return None


@pytest.fixture(scope="module")
def published() -> jsonschema_rs.Draft202012Validator:
    return jsonschema_rs.Draft202012Validator(json.loads(SCHEMA.read_text()))


def test_what_openai_s_schema_refuses_we_refuse(published: jsonschema_rs.Draft202012Validator):
    """Judged by the schema that OpenAI published, which the check does not read."""
    refused = 0
    for seed, given_row in enumerate((full(), row())):
        for made in mutations(example("openai", given_row), 600, seed):
            if accepts(published, made) is False:
                refused += 1
                assert checks("openai", made), made
    assert refused > 500


STRICTER = {"additionalProperties", "required", "minItems", "minLength"}
"""What our schema asks for beyond the published one: known keys, messages, something said, ids that say something."""


def test_our_schema_of_openai_s_lines_is_no_stricter_than_it_says(published: jsonschema_rs.Draft202012Validator):
    found: set[str] = set()
    for made in mutations(example("openai", full()), 600, 7):
        if accepts(published, made) and accepts(openai_schema(), made) is False:
            found |= {str(error.schema_path[-1]) for error in openai_schema().iter_errors(made)}
    assert "additionalProperties" in found
    assert found <= STRICTER


@pytest.mark.parametrize("name", get_args(CheckedFormat))
def test_nothing_in_an_example_breaks_the_check(name: CheckedFormat):
    made = pair() if name == "preferences" else example(name, full())
    assert checks(name, made) == set()
    found: set[str] = set()
    for mutated in mutations(made, 300, 11):
        found |= checks(name, mutated)
    assert len(found) > 8
