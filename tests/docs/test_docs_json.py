"""The keys that json.md shows are the keys that `--json` prints, no more and no less."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
import reference
from click.testing import CliRunner
from pages import ROOT

from localhai.cli.call import Call
from localhai.cli.main import cli
from localhai.executions.home import Home
from localhai.settings import Settings
from localhai.testing import Canned, FakeEngine

PAGE = (ROOT / "docs" / "json.md").read_text(encoding="utf-8")
VALOHAI_YAML = """\
- step:
    name: fit
    image: python:3.11-slim
    icon: shown on the platform only
    command: python fit.py {parameters}
    parameters:
      - name: epochs
        type: integer
        default: 3
    inputs:
      - name: letters
"""
CALLS = {
    "execution stop": ["1"],
    "execution logs": ["1"],
    "execution outputs": ["1"],
    "execution metadata": ["1"],
    "execution summarize": ["1"],
    "execution delete": ["2", "--yes", "--purge-outputs"],
    "diff": ["1", "2"],
    "plan": ["fit", "--letters=a.txt"],
    "lint": ["wrong.yaml"],
}
EXECUTIONS = {"run", "rerun", "execution run", "execution info", "execution watch"}  # they print an execution


def rows(heading: str) -> dict[str, str]:
    """The table below a heading: first cell to second, without backticks."""
    section = PAGE.split(f"\n## {heading}\n", 1)[1].split("\n## ", 1)[0]
    found = (re.fullmatch(r"\| (.+?) \| (.+) \|", line) for line in section.splitlines())
    table = {match[1]: match[2] for match in found if match and not match[1].startswith("-")}
    return {name.strip("`"): text for cell, text in table.items() for name in cell.split(", ")}


def shape(text: str) -> Any:
    """`[{name, files: [{uri}]}]` as `[{"name": None, "files": [{"uri": None}]}]`."""
    literal = re.sub(r"\w+", lambda word: f'"{word[0]}"', text)
    literal = re.sub(r'("\w+")(?=[,}])', r"\1: null", literal)
    return json.loads(literal)


def assert_shape(wanted: Any, value: Any, where: str) -> None:
    if isinstance(wanted, list):
        assert value, f"{where}: nothing to compare with"
        for item in value:
            assert_shape(wanted[0], item, f"{where}[]")
    elif isinstance(wanted, dict) and list(wanted) == ["KEY"]:
        assert_shape([wanted["KEY"]], list(value.values()), where)
    elif isinstance(wanted, dict):
        assert list(value) == list(wanted), where
        for key, inner in wanted.items():
            assert_shape(inner, value[key], f"{where}.{key}")


@pytest.fixture
def printed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """What a command prints with --json, in a project with two executions that have one of everything."""
    folder = tmp_path / "letters"
    folder.mkdir()
    (folder / "valohai.yaml").write_text(VALOHAI_YAML)
    (folder / "wrong.yaml").write_text(VALOHAI_YAML.replace("command:", "comand:"))
    (folder / "a.txt").write_text("a")
    monkeypatch.chdir(folder)
    engine = FakeEngine()
    sidecar = b'{"valohai.alias": "newest"}'
    files = {"best.txt": b"weights", "best.txt.metadata.json": sidecar}
    engine.behave(Canned(output='{"epoch": 1}\n', files=files), step="fit")
    with Home(Settings.load(), engine=engine) as home:

        def call(*words: str) -> Any:
            done = CliRunner().invoke(cli, [*words, "--json"], obj=Call(home=home, folder=folder))
            return json.loads(done.stdout)

        for epochs in ("1", "2"):
            assert call("run", "fit", f"--epochs={epochs}", "--letters=a.txt")["status"] == "complete"
        yield call
    engine.close()


def test_an_execution_has_the_keys_of_its_table(printed: Any) -> None:
    document = printed("execution", "info", "1")
    table = rows("An execution")
    assert sorted(document) == sorted(set(table) - {"key"})
    for key, text in table.items():
        if match := re.match(r"`(\[\{.*\}\])`", text):
            assert_shape(shape(match[1]), document[key], key)


DOCUMENTS = rows("Others")


@pytest.mark.parametrize("command", [name for name, text in DOCUMENTS.items() if text.startswith("`")])
def test_a_document_has_the_keys_of_its_row(printed: Any, command: str) -> None:
    document = printed(*command.split(), *CALLS.get(command, []))
    assert_shape(shape(DOCUMENTS[command].strip("`")), document, command)


def test_lists_hold_whole_executions_and_data(printed: Any) -> None:
    execution, datum = (
        set(rows("An execution")) - {"key"},
        shape(DOCUMENTS["execution outputs"].strip("`"))[0],
    )
    assert all(set(item) == execution for item in printed("execution", "list"))
    assert all(set(item) == execution for item in printed("execution", "stop", "1"))
    assert all(list(item) == list(datum) for item in printed("data", "list"))
    assert all("_time" in item for item in printed("execution", "metadata", "1", "--events"))


def test_every_command_that_prints_json_says_what() -> None:
    """In a row of the page, or in its own help."""
    silent = [
        path
        for path, command in reference.command_tree()
        if any("--json" in option.opts for option in reference.shown_options(command))
        and path.removeprefix("localhai ") not in {*DOCUMENTS, *EXECUTIONS}
        and "`--json` prints" not in " ".join((command.help or "").split())
    ]
    assert not silent


def test_every_row_is_of_a_command() -> None:
    known = {path.removeprefix("localhai ") for path, _ in reference.command_tree()}
    assert {name.partition(" --")[0] for name in DOCUMENTS} - {"command"} <= known


def test_an_error_has_the_keys_that_the_page_names(printed: Any) -> None:
    error = printed("run", "classify")["error"]
    for key in error:
        assert key in PAGE
    assert list(error)[:5] == ["kind", "message", "where", "hints", "exit_code"]
