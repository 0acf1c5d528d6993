"""File, environment and command line, laid over each other."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from toolace_dagster.configuration import Configuration, ConfigurationError, configure
from toolace_dagster.settings import Range, Settings


def written(folder: Path, text: str) -> Path:
    path = folder / "toolace.toml"
    path.write_text(text)
    return path


def configured(tmp_path: Path, text: str = "", given: dict[str, object] | None = None, **environ: str) -> Configuration:
    return configure(given or {}, home=tmp_path / "home", environ=environ, file=written(tmp_path, text))


def test_without_any_source_the_defaults_count(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert configure({}, home=tmp_path, environ={}) == Configuration(Settings())


def test_the_environment_comes_before_the_file_and_what_is_given_before_both(tmp_path: Path) -> None:
    text = "seed = 1\ndialogues = 2\nrounds = 3\n[llm]\nmax_tokens = 5\n"
    made = configured(tmp_path, text, {"seed": 11}, TOOLACE_SEED="21", TOOLACE_DIALOGUES="22")
    settings = made.settings
    assert (settings.seed, settings.dialogues, settings.rounds, settings.llm.max_tokens) == (11, 22, 3, 5)
    assert made.origins == {
        "seed": "the command line",
        "dialogues": "TOOLACE_DIALOGUES",
        "rounds": str(made.file),
        "llm.max_tokens": str(made.file),
    }


def test_variables_with_names_of_their_own_give_way_to_the_long_ones(tmp_path: Path) -> None:
    made = configured(tmp_path, OPENAI_BASE_URL="http://a/v1", TOOLACE_MODEL="small", TOOLACE_LLM__MODEL="large")
    assert (made.settings.llm.base_url, made.settings.llm.model) == ("http://a/v1", "large")


def test_roles_and_free_tables_are_read_from_any_source(tmp_path: Path) -> None:
    text = '[roles.judge]\nmodel = "a"\nmax_tokens = 7\n[llm.extra_body]\nkwargs = { deep = { er = 1 } }\n'
    made = configured(tmp_path, text, TOOLACE_ROLES__JUDGE__MODEL="b").settings
    assert (made.model_of("judge").model, made.model_of("judge").max_tokens) == ("b", 7)
    assert made.llm.extra_body == {"kwargs": {"deep": {"er": 1}}}


def test_one_end_of_a_range_leaves_the_other(tmp_path: Path) -> None:
    assert configured(tmp_path, "[steps]\nhigh = 4\n").settings.steps == Range(low=1, high=4)
    assert configured(tmp_path, given={"sub_tasks.low": 3}).settings.sub_tasks == Range(low=3, high=5)


def test_paths_count_from_where_they_were_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path / "project"
    folder.mkdir()
    monkeypatch.chdir(tmp_path)
    made = configured(folder, 'pool = "tools"\ncache = "../shared"\n', TOOLACE_PRICES="mine.toml").settings
    assert made.pool == str(folder / "tools")
    assert made.cache == tmp_path / "shared"
    assert made.prices == tmp_path / "mine.toml"


def test_an_unknown_key_is_refused_with_the_nearest(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError) as raised:
        configured(tmp_path, "rouns = 3\n[llm]\nmax_token = 5\n[roles.juge]\nmodel = 'a'\n")
    lines = str(raised.value).splitlines()
    for line, wrong, right in zip(
        lines,
        ("rouns", "llm.max_token", "roles.juge.model"),
        ("rounds", "llm.max_tokens", "roles.judge.model"),
        strict=True,
    ):
        fault, _, hint = line.partition(". Did you mean ")
        assert fault.endswith(f"there is no setting {wrong!r}")
        assert right in hint.rstrip("?").split(" or ")
    assert all(line.startswith(str(tmp_path / "toolace.toml")) for line in lines)


def test_a_bad_value_is_refused_with_where_it_came_from(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match=r"setting dialogues \(from TOOLACE_DIALOGUES\): .*, not 0"):
        configured(tmp_path, "dialogues = 4\n", TOOLACE_DIALOGUES="0")
    with pytest.raises(ConfigurationError, match=r"setting llm.temperature \(from .*toolace.toml\)"):
        configured(tmp_path, "[llm]\ntemperature = 3\n")


def test_a_file_that_is_none_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="can't be read as TOML"):
        configured(tmp_path, "rounds 3")
    with pytest.raises(ConfigurationError, match="there is no such configuration file"):
        configure({}, home=tmp_path, environ={"TOOLACE_CONFIG": str(tmp_path / "none.toml")})


def test_the_file_is_looked_for_where_one_works_and_then_in_the_home(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    here, home = tmp_path / "here", tmp_path / "home"
    for number, folder in enumerate((here, home)):
        folder.mkdir()
        written(folder, f"seed = {number + 1}\n")
    monkeypatch.chdir(here)
    assert configure({}, home=home, environ={}).settings.seed == 1
    os.remove(here / "toolace.toml")
    assert configure({}, home=home, environ={}).settings.seed == 2


def test_a_variable_that_sets_nothing_is_refused_with_the_nearest(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError) as raised:
        configured(tmp_path, TOOLACE_MAX_COSTS="3", TOOLACE_SEDD="1", TOOLACE_HOME="x")
    assert str(raised.value).splitlines() == [
        "the environment variable TOOLACE_MAX_COSTS sets nothing; did you mean TOOLACE_MAX_COST? Else unset it.",
        "the environment variable TOOLACE_SEDD sets nothing; did you mean TOOLACE_SEED? Else unset it.",
    ]


def test_variables_that_are_no_settings_or_empty_are_let_be(tmp_path: Path) -> None:
    others = {"TOOLACE_HOME": "x", "TOOLACE_TEST_POOLS": "/pools", "TOOLACE_ROUNDS": "", "TOOLACE_MAX_COSTS": ""}
    made = configure({}, home=tmp_path, environ=others, file=written(tmp_path, ""))
    assert made == configured(tmp_path)


KUBERNETES = {
    "TOOLACE_PORT": "tcp://10.0.0.7:3000",
    "TOOLACE_PORT_3000_TCP": "tcp://10.0.0.7:3000",
    "TOOLACE_PORT_3000_TCP_PROTO": "tcp",
    "TOOLACE_SERVICE_HOST": "10.0.0.7",
    "TOOLACE_SERVICE_PORT": "3000",
    "TOOLACE_SERVICE_PORT_HTTP": "3000",
    "TOOLACE_UI_PORT_3000_TCP_ADDR": "10.0.0.8",
    "TOOLACE_UI_SERVICE_PORT": "3000",
}
"""What a pod is given beside Services called toolace and toolace-ui."""


def test_variables_of_a_service_of_the_same_name_are_let_be(tmp_path: Path) -> None:
    made = configure({}, home=tmp_path, environ=KUBERNETES, file=written(tmp_path, ""))
    assert made == configured(tmp_path)


def test_a_variable_that_is_like_no_setting_is_only_warned_of(tmp_path: Path) -> None:
    made = configured(tmp_path, TOOLACE_USER="me", TOOLACE_CACHE_DIR="/x", TOOLACE_SEED="4")
    assert made.settings.seed == 4
    assert [warning.split(";")[0] for warning in made.warnings] == [
        "the environment variable TOOLACE_CACHE_DIR sets nothing",
        "the environment variable TOOLACE_USER sets nothing",
    ]


@pytest.mark.parametrize(
    "text",
    [
        "[llm]\napi_key_env = 'TOOLACE_API_KEY'\n",
        "[roles.judge]\nmodel = 'm'\napi_key_env = 'TOOLACE_API_KEY'\n",
        "[mcp_headers]\nAuthorization = 'Bearer ${TOOLACE_API_KEY}'\n",
        "pool = 'https://tools.example/mcp?token=${TOOLACE_API_KEY}'\n",
    ],
)
def test_a_variable_that_a_setting_names_is_let_be(tmp_path: Path, text: str) -> None:
    assert configured(tmp_path, text, TOOLACE_API_KEY="k").warnings == ()
    assert configured(tmp_path, TOOLACE_API_KEY="k").warnings != ()
    # However much its name is like a setting's.
    near = text.replace("TOOLACE_API_KEY", "TOOLACE_SEEDS")
    assert configured(tmp_path, near, TOOLACE_SEEDS="k").warnings == ()


def test_the_variable_that_names_the_key_may_be_named_by_any_source(tmp_path: Path) -> None:
    name = "TOOLACE_API_KEY"
    assert configured(tmp_path, given={"llm.api_key_env": name}, TOOLACE_API_KEY="k").warnings == ()
    assert configured(tmp_path, TOOLACE_LLM__API_KEY_ENV=name, TOOLACE_API_KEY="k").warnings == ()


def test_a_secret_in_a_file_is_refused_without_being_shown(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError) as raised:
        configured(tmp_path, '[llm]\nbase_url = "http://user:planted-secret@host/v1"\n')
    assert "planted-secret" not in str(raised.value)
    assert "api_key_env" in str(raised.value)


TOKEN = "tok-planted-5f4e3d2c1b0a"


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("llm.extra_body.auth", TOKEN),
        ("llm.extra_body.deep", {"list": [1, {"er": f"Bearer {TOKEN}"}]}),
        ("llm.extra_body", {TOKEN: 1}),
        ("llm.query.v", TOKEN),
        ("llm.model", TOKEN),
        ("roles.judge.model", f"{TOKEN}/small"),
        ("personas", [TOKEN]),
        ("languages", {TOKEN: 1.0}),
        ("cache", f"/tmp/{TOKEN}"),
        ("rule_severity", {TOKEN: "off"}),
    ],
)
@pytest.mark.parametrize("variable", ["HF_TOKEN", "OPENAI_API_KEY", "DATABASE_PASSWORD", "WHATEVER"])
def test_a_secret_of_the_environment_is_refused_in_any_setting_and_never_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, variable: str, name: str, value: object
) -> None:
    monkeypatch.setenv(variable, TOKEN)
    # A variable is known by its name, or since a role names it.
    given = {name: value} | ({"roles.expert.api_key_env": variable} if variable == "WHATEVER" else {})
    with pytest.raises(ConfigurationError) as raised:
        configured(tmp_path, given=given)
    assert ".".join(name.split(".")[:2]) in str(raised.value)
    assert variable in str(raised.value)
    assert TOKEN not in str(raised.value)


@pytest.mark.parametrize("name", ["preset", "llm.temperature", "no_setting"])
@pytest.mark.parametrize(
    ("variable", "naming", "text"),
    [
        ("HF_TOKEN", "", ""),
        ("WHATEVER", "llm.api_key_env", "WHATEVER"),
        ("WHATEVER", "roles.judge.api_key_env", "WHATEVER"),
        ("WHATEVER", "mcp_headers", '{"X-Shop" = "${WHATEVER}"}'),
    ],
)
@pytest.mark.parametrize("in_file", [True, False])
def test_a_secret_in_a_setting_that_takes_no_such_value_is_not_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, variable: str, naming: str, text: str, in_file: bool
) -> None:
    monkeypatch.setenv(variable, TOKEN)
    file = ""
    given: dict[str, object] = {name: TOKEN}
    if naming and in_file:
        file = f"{naming} = {text if naming == 'mcp_headers' else json.dumps(text)}\n"
    elif naming:
        given |= {naming: {"X-Shop": "${WHATEVER}"} if naming == "mcp_headers" else text}
    if name == "no_setting":
        file += f'{TOKEN} = "{TOKEN}"\n'
    with pytest.raises(ConfigurationError) as raised:
        configured(tmp_path, file, given)
    assert f"[{variable}]" in str(raised.value)
    assert TOKEN not in str(raised.value)


def test_a_key_of_digits_is_refused_where_it_was_read_as_a_number(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SHOP_SECRET", "12345678901234567890")
    with pytest.raises(ConfigurationError, match=r"llm\.extra_body\.auth: it holds the value of SHOP_SECRET"):
        configured(tmp_path, given={"llm.extra_body.auth": json.loads("12345678901234567890")})


@pytest.mark.parametrize("word", ["offline", "none-needed", "local", "default", "English"])
def test_an_ordinary_word_as_the_key_of_a_local_server_bars_no_setting(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, word: str
) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", word)
    assert configured(tmp_path, given={"llm.model": word}).settings.llm.model == word
