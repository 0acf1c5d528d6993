"""Which answers of tools are errors by their shape, and which only use such words."""

from __future__ import annotations

import json
import time
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from toolace_dagster.error_answers import says_error
from toolace_dagster.execution.protocol import error_content
from toolace_dagster.llm.offline.free_results import failure_text

ERRORS = [
    '{"detail":"Method Not Allowed"}',
    "Rate limit exceeded",
    "Too many requests",
    "Service unavailable",
    "Something went wrong.",
    "date: must be written YYYY-MM-DD",
    "stars: Input should be a valid integer",
    "1 validation error for Rate",
    "n is not a number",
    "The value of n is not an integer",
    "Date is not in the format YYYY-MM-DD",
    "MCP error -32602: Invalid params",
    '{"code":"INVALID_ARGUMENT","message":"x"}',
    '{"errors":[{"message":"x"}]}',
    '{"title":"One or more faults","status":400}',
    "missing city",
    "Unknown city 'Gent'",
    "unknown town: Gent",
    '{"error": "no such thing"}',
    '{"error": "not_found", "message": "No zone matches ZN-1."}',
    '{"status": "error", "reason": "closed"}',
    '{"status_code": 404}',
    '{"success": false}',
    '{"detail": "Not found"}',
    '{"name": "find_garage", "content": "{\\"error\\": \\"no such thing\\"}"}',
    '[{"type": "text", "text": "Error: no such thing"}]',
    '{"isError": true, "content": []}',
    "Error: no such thing",
    "ValueError: stars is no number",
    "Traceback (most recent call last):",
    '{"message": "Invalid stars"}',
    "503 Service Unavailable",
    "404 Not Found",
    "404: Not Found",
    "HTTP 503: try later",
    "Status: 422",
    "Code: 404 Not Found",
    "HTTP/1.1 500 Internal Server Error",
    "(404) not found",
    "Error 500",
    "Error code: 500",
    "HTTP request failed: 400",
    "Error - no such file",
    "error executing tool: x",
    "API error: the service is down",
    "An error occurred while booking",
    "Error in parameter stars",
    "Error: none of the rooms match",
    "Invalid argument: stars",
    "Invalid stars",
    "Invalid API key.",
    "Invalid date format, expected YYYY-MM-DD",
    "Invalid value 'x' for stars",
    "invalid: stars",
    'Invalid "stars"',
    "Cannot find Gent",
    "Could not parse the date",
    "Unable to process request",
    "Failed to book: no rooms",
    "Cannot be empty",
    "No such booking: BK-1",
    "No such file or directory",
    "Not found.",
    "City not found",
    "Booking BK-1 was not found.",
    "Access denied",
    "Forbidden",
    "Unauthorized: token expired",
    "Request timed out",
    "Connection timed out after 5 s",
    "Missing required parameter: stars",
    "Unknown parameter town",
    "unknown tool x",
    "Unexpected keyword argument 'town'",
    "Query failed.",
    "Request failed with status code 404",
    '{"message": "granularity must be one of daily, weekly"}',
    '{"detail":"n must be a whole number"}',
    '{"detail":[{"loc":["body","x"],"msg":"field required","type":"value_error.missing"}]}',
    "The city Gent does not exist.",
    "Parameter 'qty' must be an integer",
    '"granularity must be one of daily, weekly"',
    '{"message":"The date must be in the future."}',
    '{"detail":"\'WEEKLY\' is not a valid granularity"}',
    '{"message":"n must be a whole number","code":422}',
    "stars is required",
    "Field required",
    "Input should be greater than 0",
    "limit must be between 0.5 and 1.5",
    '{"status":"failed"}',
    '{"status":"invalid","x":1}',
    '{"result":"failed to parse date"}',
    '{"error_code":12}',
    '{"code":404,"message":"gone"}',
    "Expected a number, got 'two'",
    '{"exception":"KeyError: x"}',
    '{"error":{"code":4}}',
    "expected integer but received string ",
    "Value 'x' is not valid for 'stars'.",
    '{"error": true}',
    '{"message":"Validation failed: stars"}',
    "403 Forbidden",
    "ValueError: x",
    "Failed: timeout",
    '{"error_code": "E12"}',
]
ANSWERS = [
    '{"title":"Forbidden","type":"film"}',
    '{"title":"404 Not Found","type":"album"}',
    "Timed out trains: 2",
    '{"exceptions":["Mondays"]}',
    '{"faults":["brakes worn"]}',
    "Not found in Paris: 3; found in Ghent: 2",
    "Access denied zones: none",
    "Service unavailable on Sundays is announced a day before",
    "The door must be closed.",
    "Missing Persons is on stage tonight.",
    "missing persons are looked for",
    "unknown artist",
    "Your flight must be caught at 9.",
    '{"error": null, "garages": []}',
    '{"errors": [], "ok": true}',
    '{"must_bring": "ID"}',
    '{"name": "find_garage", "content": "{\\"garages\\": []}"}',
    '[{"error": "x"}, {"ok": true}]',
    "450",
    "503",
    "450-seat hall is free",
    "500: Elm Street",
    "404 rooms are free.",
    "Code 451 was accepted",
    "code: 500 EUR",
    "Https 4 500",
    "403)",
    "500 forbidden books",
    "Cannot wait to see you: booked for Friday",
    "Unable to sleep? Your booking is done.",
    "Required errors: none",
    "No such luck needed, the room is yours",
    "Forbidden City tour booked",
    "Invalid Books Ltd. was found",
    "Not found wanting: all 3 parcels delivered",
    '{"code":500,"name":"bolt"}',
    '{"status":"failover ready"}',
    '{"status":"failsafe"}',
    '{"error":"none"}',
    '{"errors":"0"}',
    '{"error":"No"}',
    '{"error":""}',
    '{"error":null}',
    '{"error_code":0,"data":1}',
    '{"error":"0"}',
    '{"estimate":3,"error":0.02}',
    '{"errors":2,"warnings":1}',
    '{"exception_count":2}',
    "Errors: none",
    "Error: none",
    "Errors: 0",
    "Error-free since May.",
    "Error rates are low.",
    "Margin of error: 2%",
    "Standard error: 0.3",
    "Failed: 0",
    "Errors not found.",
    '{"message":"Booked."}',
    '{"message":"Booked. You must bring an ID."}',
    '{"message":"A deposit must be paid."}',
    "A deposit of 20 EUR is required on arrival.",
    "Two garages in Ghent.",
    "Your parcel could not be delivered; the city is unknown and a signature is missing.",
    '{"fines":"required"}',
    '{"status":"required"}',
    "Smoking is not allowed.",
    "Your ticket is not valid on Sundays.",
    "The cause is unknown.",
    "Booked. Guests must be at least 18.",
    "450 Error-free days",
    "410 gone fishing boats",
    "Invalid parking was reported.",
    "[]",
    "null",
    "",
    "true",
    "5",
    '{"code":1200}',
    "Unknown Pleasures is in stock.",
    "Missing Link Cafe is open.",
    "Failure is not an option",
    "Failed states: a reading list",
    "Unauthorized biography of X is in stock",
    "Timed outing booked",
    '{"detail":"Booked."}',
    '{"type":"suite","code":"R1"}',
    '{"detail":[]}',
    "Type 2 diabetes",
    "Expected delivery Friday; we received your parcel",
    "Search complete. No results.",
    "0 failed",
    "Booking failure rate: 2%",
    "Tool sharpened.",
    "Connection from Ghent at 9:00",
    "No value added tax applies.",
    "No key needed",
]


@pytest.mark.parametrize(("answer", "failed"), [*((e, True) for e in ERRORS), *((a, False) for a in ANSWERS)])
def test_the_shape_of_an_answer_says_whether_it_is_an_error(answer: str, failed: bool):
    assert says_error(answer) is failed


@pytest.mark.parametrize("answer", ['{"error": "x"}', '{"status": "failed"}', '{"ok": false}', '{"status_code": 404}'])
def test_a_text_is_read_as_the_value_it_is(answer: str):
    assert says_error(json.loads(answer))
    assert says_error(answer, by_words=False)
    assert says_error(json.dumps(answer)) is False, "a text in quotes is words"


@pytest.mark.parametrize("answer", ["Error: no such thing", '{"detail": "Not found"}', "stars must be a whole number"])
def test_words_alone_count_only_where_they_may(answer: str):
    assert says_error(answer)
    assert not says_error(answer, by_words=False)


@pytest.mark.parametrize("failure", ["invalid_argument", "not_found", "service_error"])
def test_what_is_written_as_an_error_here_reads_as_one(failure: str):
    assert says_error(failure_text(failure, {"date": "soon"}, "date"), by_words=False)


@settings(max_examples=60)
@given(st.text(min_size=1).filter(lambda text: any(char.isalpha() for char in text)))
def test_an_error_in_the_one_form_that_prompts_ask_for_reads_as_one(text: str):
    nothing = ("none", "no", "null", "nil", "n/a", "false", "ok", "success", "no error", "no errors")
    assert says_error(error_content(text), by_words=False) is (text.strip().rstrip(".").casefold() not in nothing)


@pytest.mark.parametrize("unit", ["(", "[", " ", "a ", "a.", "the ", '"', "'a' ", "expected ", '{"a":', "a\n"])
def test_a_long_text_is_judged_in_no_time(unit: str):
    value: Any = unit * 100_000
    before = time.process_time()
    assert not says_error(value)
    assert time.process_time() - before < 5, "patterns must not try everything at every place"
