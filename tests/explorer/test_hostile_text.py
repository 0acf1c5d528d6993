"""What tools and models wrote does nothing on a page, and no other site can read one."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from tests.cli.made import Made
from tests.explorer.browsing import Shown, browsing
from toolace_dagster.cli.app import app
from toolace_dagster.explorer.app import is_our_host

SCRIPT = "<script>alert(1)</script>"
HOSTILE_ID = "\"><script>alert('id')</script>&'/../?step=0#x"


def poisoned(made: Made, folder: Path) -> tuple[Path, str]:
    """A copy of the home in which one dialogue is hostile wherever text can stand."""
    home = shutil.copytree(made.home, folder / "home")
    known = made.ids("rejected")[0]
    domain = known.rsplit("-", 2)[0]
    with Made(home, made.pool, made.ended).warehouse.domain(domain).write() as connection:
        where: dict[str, Any] = {"id": known, "new": HOSTILE_ID, "script": SCRIPT}

        def change(table: str, column: str, value: str) -> None:
            used = {name: where[name] for name in ("id", "new", "script") if f"${name}" in value or name == "id"}
            connection.execute(f"UPDATE {table} SET {column} = {value} WHERE dialogue_id = $id", used)

        # In every turn's words, argument and output; in reasons, evidence, quotes, tools' texts and calls' texts.
        arguments = """'("arguments":{"[a-z_]+":")'"""
        for table, column in (("stage_rows", "payload"), ("edits", "replacements")):
            change(table, column, f"""replace({column}::VARCHAR, '"content":"', '"content":"' || $script)::JSON""")
            change(table, column, f"regexp_replace({column}::VARCHAR, {arguments}, '\\1' || $script, 'g')::JSON")
        for table, column in (
            ("stage_rows", "reason"),
            ("stage_rows", "evidence"),
            ("edits", "reason"),
            ("findings", "message"),
            ("findings", "evidence"),
            ("findings", "path"),
            ("expert_answers", "reason"),
            ("first_causes", "sentence"),
        ):
            change(table, column, f"{column} || $script")
        change("stage_rows", "payload", "replace(payload::VARCHAR, $id, replace($new, '\"', '\\\"'))::JSON")
        for table in ("stage_rows", "edits", "findings", "expert_answers", "first_causes", "call_uses", "model_calls"):
            change(table, "dialogue_id", "$new")
        described = """replace(definition::VARCHAR, '"description":"', '"description":"' || $s)::JSON"""
        connection.execute(f"UPDATE domain_tools SET definition = {described}", {"s": SCRIPT})
        messages = "json_array(json_object('role', $s, 'content', $s))"
        connection.execute(f"UPDATE model_calls SET response = $s, messages = {messages}, model = $s", {"s": SCRIPT})
    return home, HOSTILE_ID


def harmless(page: Shown) -> None:
    """Nothing on a page runs but our own script, and nothing leads out."""
    scripts = [attrs for tag, attrs in page.elements if tag == "script"]
    assert scripts == [{"src": "/static/keys.js", "defer": ""}]
    for tag, attrs in page.elements:
        assert tag not in ("iframe", "object", "embed", "base", "img"), tag
        assert not [name for name in attrs if name.startswith("on") or name == "style"], attrs
        for name in ("href", "src", "action"):
            assert attrs.get(name, "/").startswith(("/", "#")), attrs
    assert "alert(" in page.text
    assert SCRIPT not in page.body


def test_hostile_text_is_shown_and_does_nothing(made: Made, tmp_path: Path) -> None:
    home, dialogue_id = poisoned(made, tmp_path)
    with browsing(home) as browser:
        listed = browser.get("/")
        harmless(listed)
        link = next(link for link in listed.listed if "script" in link)
        opened = browser.get(link)
        assert dialogue_id in opened.text
        for page in (opened, browser.get("/dialogue", id=dialogue_id, step=0), browser.get("/failures")):
            assert page.status == 200
            harmless(page)
        assert opened.text.count("alert(1)") > 20
        call = browser.get(next(link for link in opened.links if link.startswith("/call?")))
        assert call.status == 200
        harmless(call)
        harmless(browser.get("/dialogue", id="alert(1)" + SCRIPT))
        harmless(browser.get("/", words="alert(1)" + SCRIPT, domain=SCRIPT, order=SCRIPT, page=SCRIPT))


def test_the_page_of_one_dialogue_runs_nothing_either(made: Made, tmp_path: Path) -> None:
    home, dialogue_id = poisoned(made, tmp_path)
    file = tmp_path / "story.html"
    result = CliRunner().invoke(app, ["why", dialogue_id, "--home", str(home), "--html", str(file)])
    assert result.exit_code == 0, result.output
    page = Shown(200, {}, file.read_text())
    assert not [tag for tag, _ in page.elements if tag == "script"]
    assert page.text.count("alert(1)") > 20
    assert not [value for tag in ("a", "link") for value in page.attributes(tag, "href") if not value.startswith("#")]
    metas = [attrs for tag, attrs in page.elements if tag == "meta"]
    (policy,) = [each["content"] for each in metas if each.get("http-equiv") == "Content-Security-Policy"]
    assert policy.startswith("default-src 'none'; style-src 'sha256-")


def test_every_response_carries_the_policy(made: Made) -> None:
    with browsing(made.home) as browser:
        for path in ("/", "/failures", "/nothing", "/static/keys.js", "/dialogue"):
            headers = {name.lower(): value for name, value in browser.get(path).headers.items()}
            assert "default-src 'none'" in headers["content-security-policy"]
            assert "unsafe" not in headers["content-security-policy"]
            assert headers["x-content-type-options"] == "nosniff"
            assert headers["cache-control"] == "no-store"


def test_a_foreign_host_name_is_refused(made: Made) -> None:
    with browsing(made.home) as browser:
        for host in ("evil.example", "127.0.0.1.evil.example:3001", "localhost.evil.example", ""):
            page = browser.get("/", host=host or "[")
            assert page.status == 421
            assert made.ids("accepted")[0] not in page.body
        assert browser.get("/", host=f"localhost:{browser.port}").status == 200


@pytest.mark.parametrize(
    ("header", "ours"),
    [
        ("127.0.0.1:3001", True),
        ("localhost", True),
        ("LOCALHOST:80", True),
        ("localhost.:80", True),
        ("[::1]:3001", True),
        ("[::1]", True),
        ("192.168.0.7:3001", True),
        ("box.lan:3001", True),
        ("evil.example", False),
        ("evil.example:3001", False),
        ("127.0.0.1.nip.io", False),
        ("", False),
    ],
)
def test_hosts(header: str, ours: bool) -> None:
    assert is_our_host(header, "box.lan") is ours
