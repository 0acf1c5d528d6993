"""Notations: a value is known again however it was written, and another one is not taken for it."""

from __future__ import annotations

from datetime import date, timedelta
from itertools import chain
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from tests.builders import call, dialogue, output, tool, user
from tests.grounding.test_sources import TODAY, traced
from toolace_dagster.grounding import GROUNDING_STATES, ground, looks_like_identifier
from toolace_dagster.grounding.dates import TODAY_PATTERNS, moment_of, speaks_of_today, times_in
from toolace_dagster.grounding.folding import Text, folded, phrase_of
from toolace_dagster.grounding.quantities import quantities

MONTHS = (
    "January February March April May June July August September October November December".split(),
    "Januar Februar März April Mai Juni Juli August September Oktober November Dezember".split(),
    "janvier février mars avril mai juin juillet août septembre octobre novembre décembre".split(),
    "enero febrero marzo abril mayo junio julio agosto septiembre octubre noviembre diciembre".split(),
)
DAYS = st.dates(date(1930, 1, 1), date(2099, 12, 31))
FEW = settings(max_examples=60, deadline=None)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("Book it for tomorrow, please", "tomorrow"),
        ("the day after tomorrow would do", "day after tomorrow"),
        ("I need it this evening", "this evening"),
        ("next Friday at the latest", "next friday"),
        ("Tues works too", "tues"),
        ("within three months, if you can", "within three month"),
        ("it was 2 days ago", "2 days ago"),
        ("by the end of the month", "end of the month"),
        ("last year's bill", "last year"),
        ("in zwei Tagen", "in zwei tag"),
        ("nächsten Mittwoch", "nachsten mittwoch"),
        ("lo quiero mañana", "manana"),
        ("après-demain", "apres-demain"),
        ("Find me a flat in Osaka for 1,200 a month", None),
        ("on 2026-03-06 at noon", None),
        ("monthly, sunny, and satisfied", None),
    ],
)
def test_days_that_only_today_can_tell(text: str, words: str | None):
    span = speaks_of_today(folded(text))
    assert (folded(text)[slice(*span)] if span else None) == words


PIECES = st.sampled_from(
    (
        *"next this last past in within for after another about the a an end first of ago from now two 3 s es".split(),
        *"day days week weekend month months year night tag woche dia semana monday tues fri sun montag lunes".split(),
        *"day before yesterday|this morning|right now|last night|aujourd'hui|apres-demain|pasado manana|hoy".split("|"),
    )
)
GAPS = st.sampled_from(["", " ", " ", " ", "-", "'", "_", "\n", ", ", "7", "é", "s "])


@settings(max_examples=100)
@given(st.lists(st.tuples(PIECES, GAPS), max_size=8))
def test_days_are_found_wherever_their_patterns_find_them(parts: list[tuple[str, str]]):
    text = "".join(chain.from_iterable(parts))
    found = (pattern.search(text) for pattern in TODAY_PATTERNS)
    assert speaks_of_today(text) == next((each.span() for each in found if each), None)


def ordinal(number: int) -> str:
    ending = "th" if 10 <= number % 100 <= 20 else {1: "st", 2: "nd", 3: "rd"}.get(number % 10, "th")
    return f"{number}{ending}"


def said(day: date) -> dict[str, str]:
    english, german, french, spanish = (row[day.month - 1] for row in MONTHS)
    return {
        "iso": day.isoformat(),
        "day first": f"{day.day} {english} {day.year}",
        "ordinal": f"the {ordinal(day.day)} of {english}, {day.year}",
        "month first": f"{english} {ordinal(day.day)}, {day.year}",
        "short month": f"{english[:3]} {day.day} {day.year}",
        "without year": f"{day.day} {english}",
        "dots": f"{day.day:02d}.{day.month:02d}.{day.year}",
        "slashes": f"{day.day}/{day.month}/{day.year}",
        "american": f"{day.month}/{day.day}/{day.year}",
        "two digits": f"{day.day:02d}/{day.month:02d}/{day.year % 100:02d}" if day.year >= 2000 else day.isoformat(),
        "german": f"{day.day}. {german} {day.year}",
        "french": f"{day.day} {french} {day.year}",
        "spanish": f"{day.day} de {spanish} de {day.year}",
        "chinese": f"{day.year}年{day.month}月{day.day}日",
    }


@FEW
@given(DAYS, st.sampled_from(sorted(said(TODAY))))
def test_a_day_is_known_in_any_notation(day: date, way: str):
    text = f"It has to be {said(day)[way]}, if that is possible."
    source = traced(text, day.isoformat())
    assert (source.state, source.kind) == ("grounded", "user")
    assert source.span is not None
    assert text[slice(*source.span)].strip()


@FEW
@given(DAYS, st.integers(1, 20_000), st.sampled_from(["iso", "day first", "month first", "german", "chinese"]))
def test_another_day_is_not_taken_for_it(day: date, apart: int, way: str):
    other = day - timedelta(days=apart) if day.year > 2000 else day + timedelta(days=apart)
    assert traced(f"It has to be {said(day)[way]}.", other.isoformat()).state == "ungrounded"


@FEW
@given(DAYS)
def test_a_day_of_a_result_is_known_in_the_notation_of_the_argument(day: date):
    for value in (day.strftime("%d.%m.%Y"), day.strftime("%Y/%m/%d"), f"{day.isoformat()}T00:00:00Z"):
        assert traced("go on", value, result={"on": day.isoformat()}).state in ("grounded", "derived")


@pytest.mark.parametrize(
    ("words", "day"),
    [
        ("tomorrow", "2026-07-09"),
        ("the day after tomorrow", "2026-07-10"),
        ("on Friday", "2026-07-10"),
        ("next Wednesday", "2026-07-15"),
        ("last Monday", "2026-07-06"),
        ("in two weeks", "2026-07-22"),
        ("10 days from now", "2026-07-18"),
        ("3 days ago", "2026-07-05"),
        ("next week", "2026-07-16"),
        ("this weekend", "2026-07-11"),
        ("in a month", "2026-08-08"),
        ("today", "2026-07-08"),
        ("morgen", "2026-07-09"),
        ("am Freitag", "2026-07-10"),
        ("demain", "2026-07-09"),
        ("vendredi", "2026-07-10"),
        ("pasado mañana", "2026-07-10"),
    ],
)
def test_days_counted_from_today_are_derived_or_left_open(words: str, day: str):
    source = traced(f"Could it be {words}?", day, today=TODAY)
    assert (source.state, source.source_turn) == ("derived", "t00")
    assert "today" in source.reason
    wrong = (date.fromisoformat(day) + timedelta(days=40)).isoformat()
    assert traced(f"Could it be {words}?", wrong, today=TODAY).state == "ungrounded"
    assert traced(f"Could it be {words}?", day).state == "undecided", "nobody knows what day it is"


def test_a_day_may_follow_from_another_one_and_a_number_of_nights():
    text = "We arrive on 14 July 2026 and stay 3 nights."
    assert traced(text, "2026-07-17").state == "derived"
    assert traced(text, "2026-07-19").state == "ungrounded"


@FEW
@given(st.integers(0, 23), st.integers(0, 59))
def test_a_time_is_known_on_both_clocks(hour: int, minute: int):
    half, shown = ("am" if hour < 12 else "pm"), hour % 12 or 12
    for text in (f"at {hour:02d}:{minute:02d}", f"{shown}:{minute:02d} {half}", f"{shown}.{minute:02d}{half}"):
        assert hour * 60 + minute in {time for time, _ in times_in(text)}
        assert traced(f"Could you come {text}?", f"{hour:02d}:{minute:02d}").state == "grounded"


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("at noon", "12:00"),
        ("half past nine", "09:30"),
        ("quarter to ten in the morning", "09:45"),
        ("at 3", "15:00"),
        ("9 o'clock", "09:00"),
        ("um 14 Uhr", "14:00"),
        ("à 14h30", "14:30"),
        ("tomorrow at 5 pm", "17:00"),
    ],
)
def test_times_in_words(text: str, value: str):
    assert traced(text, value, today=TODAY).state == "grounded"


@FEW
@given(st.integers(0, 999_999_999))
def test_a_whole_number_is_known_with_any_separators(number: int):
    plain = f"{number:,}"
    for text in (str(number), plain, plain.replace(",", "."), plain.replace(",", " "), plain.replace(",", "'")):
        assert traced(f"Make it {text} pieces.", number, {"type": "integer"}).state == "grounded"


@FEW
@given(st.integers(0, 10_000_000))
def test_a_price_is_known_in_both_ways_to_write_it(cents: int):
    price = cents / 100
    english = f"{price:,.2f}"
    for text in (f"${english}", english.translate(str.maketrans(",.", ".,")) + " €", f"{price:.2f}"):
        assert traced(f"At most {text}.", price, {"type": "number"}).state == "grounded", text


UNITS = "zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen seventeen eighteen nineteen".split()  # noqa: E501
TENS = "twenty thirty forty fifty sixty seventy eighty ninety".split()


def spelled(number: int) -> str:
    if number < 20:
        return UNITS[number]
    if number < 100:
        return TENS[number // 10 - 2] + (f"-{UNITS[number % 10]}" if number % 10 else "")
    if number < 1000:
        rest = f" and {spelled(number % 100)}" if number % 100 else ""
        return f"{spelled(number // 100)} hundred{rest}"
    rest = f" {spelled(number % 1000)}" if number % 1000 else ""
    return f"{spelled(number // 1000)} thousand{rest}"


@FEW
@given(st.integers(0, 99_999))
def test_a_number_in_words_is_known(number: int):
    found = [quantity.value for quantity in quantities(f"we need {spelled(number)} of them")]
    assert float(number) in found


@pytest.mark.parametrize(
    ("text", "value", "state"),
    [
        ("half a dozen eggs", 6, "grounded"),
        ("one and a half hours", 1.5, "grounded"),
        ("one and a half hours", 90, "derived"),
        ("a 20% discount", 20, "grounded"),
        ("a 20% discount", 0.2, "derived"),
        ("20 kilometres", 20_000, "derived"),
        ("68°F", 20, "derived"),
        ("about 3k views", 3000, "grounded"),
        ("2.5 million", 2_500_000, "grounded"),
        ("two nights for 3 people", 6, "derived"),
        ("zwei Karten", 2, "grounded"),
        ("trois billets", 3, "grounded"),
        ("a table", 1, "undecided"),
        ("a table", 7, "ungrounded"),
        ("flight 4711a", 4711, "grounded"),
    ],
)
def test_numbers_in_other_words_and_units(text: str, value: float, state: str):
    assert traced(text, value, {"type": "number"}).state == state


@pytest.mark.parametrize(
    ("value", "state"),
    [(30, "derived"), (20, "derived"), (5, "grounded"), (3, "derived"), (22.5, "derived"), (11, "ungrounded")],
)
def test_numbers_may_follow_from_a_field_of_a_result(value: float, state: str):
    result = {"items": [{"price": 10.0}, {"price": 5.0}, {"price": 15.0}], "fee": 22.512}
    assert traced("take all of them", value, {"type": "number"}, result=result).state == state


@pytest.mark.parametrize(
    ("said_words", "value", "name"),
    [
        ("fly to SÃO PAULO", "Sao Paulo", "city"),
        ("my name is rené descartes", "René Descartes", "name"),
        ("Nguyen, Van An is the name", "Van An Nguyen", "name"),
        ("pay in euros", "EUR", "currency"),
        ("in German please", "de", "language"),
        ("we live in Switzerland", "CH", "country"),
        ("call 0171-555 0199", "+49 171 5550199", "phone"),
        ("bread, milk and eggs", "milk, eggs, bread", "items"),
        ("the file project plan", "projectPlan", "title"),
        ("我想预订北京的酒店", "北京", "city"),
        ("東京タワーの近く", "東京", "place"),
    ],
)
def test_names_codes_and_lists_are_known_in_another_form(said_words: str, value: str, name: str):
    assert traced(said_words, value, name=name).state in ("grounded", "derived")


@FEW
@given(st.text())
def test_folding_keeps_every_character_in_its_place(text: str):
    assert len(folded(text)) == len(text)
    assert folded(folded(text)) == folded(text)
    assert phrase_of(phrase_of(text)) == phrase_of(text)


@FEW
@given(st.text(max_size=30), st.text(min_size=1, max_size=12), st.text(max_size=30))
def test_what_is_found_stands_where_it_is_said_to_stand(before: str, value: str, after: str):
    text = f"{before} {value} {after}"
    form = folded(value.strip())
    span = Text(text).find(form) if form else None
    if form:
        assert span is not None
        assert folded(text[slice(*span)]) == form
    phrase = phrase_of(value)
    place = Text(text).find_phrase(phrase)
    if phrase:
        assert place is not None
        assert phrase_of(text[slice(*place)]) == phrase or phrase in folded(text)


IDENTIFIERS = st.from_regex(r"[A-Z]{2,3}-[0-9]{5,6}", fullmatch=True)


@FEW
@given(IDENTIFIERS, IDENTIFIERS, st.sampled_from(["Take {}.", "({})", "order {}, now", "#{}", "{}: go"]))
def test_an_identifier_is_copied_or_invented(one: str, other: str, frame: str):
    assert looks_like_identifier(one)
    text = frame.format(one)
    source = traced(text, one, name="order_id")
    assert source.state == "grounded"
    assert source.span is not None
    assert text[slice(*source.span)] == one
    if other != one:
        assert traced(text, other, name="order_id").state == "ungrounded"


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)


@FEW
@example({}, "\u00b8", "0", True)
@given(
    st.dictionaries(st.text(min_size=1, max_size=8), JSON, max_size=4),
    JSON,
    st.text(min_size=1).filter(str.strip),
    st.booleans(),
)
def test_any_arguments_and_results_are_traced(arguments: dict[str, Any], result: Any, text: str, again: bool):
    takes = tool("take", {"a": {"type": "string", "description": text}}, [])
    first = call("t01", "take", arguments)
    second = call("t03", "take", {"all": result} if again else arguments)
    turns = (user("t00", text), first, output("t02", first, result), second)
    sources = ground(dialogue(turns), {"take": takes}, TODAY)
    assert all(source.state in GROUNDING_STATES for source in sources)
    assert all(source.reason for source in sources if source.state in ("ungrounded", "undecided"))
    if again:
        # What a result held is not ungrounded a turn later, whatever it was.
        assert not [source for source in sources if source.turn_id == "t03" and source.state == "ungrounded"]


@FEW
@given(st.text(max_size=40))
def test_any_text_can_be_asked_for_a_moment(text: str):
    moment = moment_of(text)
    assert moment is None or moment.days or moment.minutes is not None
