"""``backends.toml``: which backend runs which tools, and what is said of a file that is wrong."""

from __future__ import annotations

import json
import sys
from importlib.machinery import ModuleSpec
from importlib.util import spec_from_file_location
from pathlib import Path

import pytest

from toolace_dagster.entities.backend import PythonBackend
from toolace_dagster.execution.executor import assigned, executable_tools
from toolace_dagster.tool_pool import PoolError, load_pool


def pool(folder: Path, backends: str) -> Path:
    tools = [
        {"name": name, "description": "x", "parameters": {"type": "object", "properties": {}}}
        for name in ("find", "book", "rate")
    ]
    (folder / "garages.json").write_text(json.dumps(tools))
    (folder / "backends.toml").write_text(backends)
    (folder / "backends").mkdir(exist_ok=True)
    (folder / "backends" / "desk.py").write_text("class Desk: ...\n")
    return folder


def test_the_last_backend_that_names_a_tool_counts(tmp_path: Path) -> None:
    text = """
    [[backend]]
    domain = "garages"
    kind = "python"
    target = "desk:Desk"
    names = { find = "look" }

    [[backend]]
    domain = "garages"
    kind = "simulated"
    tools = ["rate"]
    """
    (domain,) = load_pool(pool(tmp_path, text)).domains
    tools = {tool.name: tool for tool in domain.tools}
    ((backend, names),) = assigned(domain.backends, tools)
    assert names == {"find": "look", "book": "book"}
    assert executable_tools(domain.backends, tools) == {"find", "book"}
    assert not [note for note in domain.notes if note.status == "rejected"]
    assert backend.kind == "python"
    assert str(tmp_path / "backends") in backend.path


def test_the_code_counts_for_what_is_stale(tmp_path: Path) -> None:
    text = '[[backend]]\ndomain = "garages"\nkind = "python"\ntarget = "desk:Desk"\n'
    before = load_pool(pool(tmp_path, text)).domains[0].backends[0]
    (tmp_path / "backends" / "desk.py").write_text("class Desk:\n    def find(self): return 1\n")
    after = load_pool(tmp_path).domains[0].backends[0]
    assert before != after
    assert before.model_copy(update={"code": ""}) == after.model_copy(update={"code": ""})


def test_a_pool_that_is_moved_makes_nothing_stale(tmp_path: Path) -> None:
    text = '[[backend]]\ndomain = "garages"\nkind = "python"\ntarget = "desk:Desk"\n'
    backends: list[PythonBackend] = []
    for name in ("here", "there"):
        (tmp_path / name).mkdir()
        (backend,) = load_pool(pool(tmp_path / name, text)).domains[0].backends
        assert isinstance(backend, PythonBackend)
        backends.append(backend)
    here, there = backends
    assert here.path != there.path
    assert here.decisive == there.decisive
    unknown = [backend.model_copy(update={"code": ""}).decisive for backend in backends]
    assert unknown[0] != unknown[1], "where the code is not known, its place is all there is to go by"


def test_the_code_of_a_project_installed_in_editable_mode_counts_too(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    project = tmp_path / "project" / "our_desk"
    project.mkdir(parents=True)
    (project / "__init__.py").write_text("")

    class Editable:
        """What an editable install puts on the list of finders: it knows where one package is."""

        @staticmethod
        def find_spec(name: str, *_: object) -> ModuleSpec | None:
            return spec_from_file_location(name, project / "__init__.py") if name == "our_desk" else None

    monkeypatch.setattr(sys, "meta_path", [*sys.meta_path, Editable])
    text = '[[backend]]\ndomain = "garages"\nkind = "python"\ntarget = "our_desk.desk:Desk"'
    found: set[str] = set()
    for version in ("first", "second"):
        (project / "desk.py").write_text(f"class Desk: {version} = 1\n")
        (domain,) = load_pool(pool(tmp_path, text)).domains
        (backend,) = domain.backends
        assert isinstance(backend, PythonBackend)
        found.add(backend.code)
    assert len(found - {""}) == 2


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("[[backend", "can't be read"),
        ("kind = 'python'", r"holds \[\[backend\]\] entries and nothing else"),
        ("[[backend]]\nkind = 'simulated'", "names no domain"),
        ("[[backend]]\ndomain = 'garages'\nkind = 'simulated'\ntools = ['fnd']", "Did you mean 'find'"),
        ("[[backend]]\ndomain = 'garages'\nkind = 'python'", r"\(garages\): target: Field required"),
        ("[[backend]]\ndomain = 'garages'\nkind = 'python'\ntarget = 'a b'", "neither 'module' nor 'module:Class'"),
        ("[[backend]]\ndomain = 'garages'\nkind = 'mcp'", "either a command or a url"),
        ("[[backend]]\ndomain = 'garages'\nkind = 'magic'", "Backend 1"),
    ],
)
def test_a_wrong_file_stops_the_run_and_says_where(tmp_path: Path, text: str, words: str) -> None:
    with pytest.raises(PoolError, match=words):
        load_pool(pool(tmp_path, text))


def test_an_entry_for_a_domain_that_is_gone_is_noted_and_the_others_count(tmp_path: Path) -> None:
    entry = '[[backend]]\ndomain = "{}"\nkind = "python"\ntarget = "desk:Desk"\n'
    found = load_pool(pool(tmp_path, entry.format("garagse") + entry.format("garages")))
    assert [backend.kind for backend in found.domains[0].backends] == ["python"]
    (note,) = found.other_notes
    assert (note.source, note.item, note.status) == ("backends.toml", "backend 1", "rejected")
    assert "'garagse'" in note.reason
    assert note.mend == "write 'garages' where you meant that, or remove the entry with the domain"
