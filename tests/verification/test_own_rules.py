"""Rules of a user's own, and grades."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.builders import TOOLS, dialogue, drive, garage_turns, reply, spec
from toolace_dagster.settings import Settings
from toolace_dagster.verification.benchmarks import BenchmarkUnreadable
from toolace_dagster.verification.checks import Checks
from toolace_dagster.verification.rules import RULES, RuleFailed, RuleFileError
from toolace_dagster.verification.verdict import verdict_program

OWN = '''
from toolace_dagster.verification.rules import Defect, Subject, rule


@rule("rule.says_thanks")
def says_thanks(subject: Subject):
    """The last reply thanks the user."""
    last = subject.dialogue.turns[-1]
    if "thank" not in last.content.lower():
        yield Defect("The last reply does not thank the user.", turn_id=last.id, path="$.content", evidence="bye")
'''


@pytest.fixture
def own(tmp_path: Path) -> Path:
    path = tmp_path / "my_rules.py"
    path.write_text(OWN)
    return path


def checks(*rules: Path, **grades: str) -> Checks:
    named = {f"rule.{name}": grade for name, grade in grades.items()}
    return Checks.of(Settings.model_validate({"rules": rules, "rule_severity": named}))


def test_an_own_rule_rejects_and_can_be_graded_and_switched_off(own: Path):
    found = checks(own).findings(dialogue(), spec(), TOOLS)
    assert [(f.check, f.severity, f.turn_id) for f in found] == [("rule.says_thanks", "hard", "t09")]
    polite = (*garage_turns()[:-1], reply("t09", "Rated 4 stars, thank you.", 1))
    assert checks(own).findings(dialogue(polite), spec(), TOOLS) == []
    assert [f.severity for f in checks(own, says_thanks="soft").findings(dialogue(), spec(), TOOLS)] == ["soft"]
    assert checks(own, says_thanks="off").findings(dialogue(), spec(), TOOLS) == []
    assert "rule.says_thanks" not in RULES


def test_a_shipped_rule_can_be_graded_whatever_severity_it_gives_single_findings():
    wrong = (*garage_turns()[:5], reply("t05", "That costs 48011 in all."), *garage_turns()[6:])
    assert [f.severity for f in checks().findings(dialogue(wrong), spec(), TOOLS)] == ["soft"]
    assert [f.severity for f in checks(reply_faithfulness="hard").findings(dialogue(wrong), spec(), TOOLS)] == ["hard"]
    assert checks(reply_faithfulness="off").findings(dialogue(wrong), spec(), TOOLS) == []


def test_the_content_of_a_rule_file_counts_and_its_place_does_not(own: Path, tmp_path: Path):
    moved = tmp_path / "elsewhere.py"
    moved.write_text(OWN)
    assert checks(own).fingerprint == checks(moved).fingerprint != checks().fingerprint
    moved.write_text(OWN.replace("thank", "thanks"))
    assert checks(own).fingerprint != checks(moved).fingerprint
    assert checks(step_count="hard").fingerprint != checks().fingerprint


@pytest.mark.parametrize(
    ("content", "says"),
    [
        ("def broken(:\n", "line 1"),
        ("x = 1\n", "registers no rule"),
        ("import nothing_of_that_name\n", "nothing_of_that_name"),
        (OWN.replace("rule.says_thanks", "rule.grounding"), "two rules have the id rule.grounding"),
        (OWN.replace("rule.says_thanks", "thanks"), "begins with 'rule.'"),
    ],
)
def test_a_file_that_holds_no_usable_rules_is_named_with_the_mend(tmp_path: Path, content: str, says: str):
    path = tmp_path / "bad.py"
    path.write_text(content)
    with pytest.raises(RuleFileError, match=says) as raised:
        checks(path)
    assert str(path) in str(raised.value)


def test_a_grade_for_no_rule_and_a_file_that_is_not_there_are_named(tmp_path: Path):
    with pytest.raises(RuleFileError, match=r"rule\.groundin.*Did you mean rule\.grounding"):
        checks(groundin="off")
    with pytest.raises(RuleFileError, match=r"missing\.py"):
        checks(tmp_path / "missing.py")


@pytest.mark.parametrize("body", ["    raise KeyError('turn')", "    yield 'not a defect'"])
def test_a_rule_that_breaks_names_itself_and_does_not_pass_for_a_good_dialogue(tmp_path: Path, body: str):
    path = tmp_path / "breaks.py"
    path.write_text(
        "from toolace_dagster.verification.rules import rule\n\n"
        f'@rule("rule.breaks")\ndef breaks(subject):\n    """Breaks."""\n{body}\n'
    )
    with pytest.raises(RuleFailed, match=r"rule\.breaks of .*breaks\.py.*rule_severity"):
        checks(path).findings(dialogue(), spec(), TOOLS)


def test_a_turn_that_repeats_a_benchmark_is_found_whatever_its_case_and_punctuation(tmp_path: Path):
    texts = tmp_path / "bench.jsonl"
    texts.write_text(
        '{"id": 1, "question": [[{"content": "FIND ME A GARAGE, in Ghent; and book it for 14 July 2026"}]]}\n'
    )
    found = Checks.of(Settings(benchmarks=(texts,))).findings(dialogue(), spec(), TOOLS)
    assert [(f.check, f.turn_id, f.severity) for f in found] == [("rule.benchmark_overlap", "t00", "hard")]
    assert "bench.jsonl" in found[0].message
    texts.write_text('{"question": "Find me a bakery in Ghent and book it for noon"}\n')
    assert Checks.of(Settings(benchmarks=(texts,))).findings(dialogue(), spec(), TOOLS) == []


def test_a_benchmark_that_is_no_json_is_named_by_its_line(tmp_path: Path):
    texts = tmp_path / "bench.jsonl"
    texts.write_text('{"a": 1}\nnothing\n')
    with pytest.raises(BenchmarkUnreadable, match=r"bench\.jsonl line 2"):
        Checks.of(Settings(benchmarks=(texts,)))


def test_the_verdict_uses_the_rules_of_the_settings(own: Path):
    settings = Settings(rules=(own,), repair=False)
    verdict = drive(verdict_program(dialogue(), spec(), TOOLS, settings), lambda _: pytest.fail("an expert was asked"))
    assert verdict.terminal.check == "rule.says_thanks"
