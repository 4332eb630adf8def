"""Text that is no Unicode, and numbers that JSON cannot write: everything goes on, and says what it had."""

from __future__ import annotations

import json
import os
from typing import TYPE_CHECKING, Any

import orjson
import pytest

from localhai.testing import Canned

if TYPE_CHECKING:
    from pathlib import Path

YAML = """\
- step:
    name: fit
    image: python:3.11-slim
    command: fit {parameters}
    parameters:
      - {name: kind, type: string, default: small}
      - {name: limit, type: float, default: .inf}
      - {name: bounds, type: float, multiple: repeat, default: [-.inf, 1.5, .nan]}
    inputs:
      - {name: data, optional: true}
- pipeline:
    name: all
    nodes:
      - {name: fit, type: execution, step: fit}
    edges: []
"""
OUTPUT = rb"""{"key\udce9": "\ud800", "loss": NaN}
{"huge": 1e999}
"""


@pytest.fixture
def project(tmp_path: Path) -> Path:
    folder = tmp_path / os.fsdecode(b"caf\xe9")
    folder.mkdir()
    (folder / "valohai.yaml").write_text(YAML)
    return folder


@pytest.fixture(autouse=True)
def _step(engine) -> None:
    engine.behave(Canned(output=OUTPUT, files={b"caf\xe9.txt".decode("utf-8", "surrogateescape"): b"x"}), step="fit")


def strict(answer) -> Any:
    assert answer.code == 0, answer.err
    return orjson.loads(answer.bytes_out)


def test_a_run_with_odd_text_everywhere_is_told_as_strict_json(localhai, project):
    odd = project / os.fsdecode(b"caf\xe9.txt")
    odd.write_text("bytes")
    found = strict(
        localhai("run", "fit", f"--data={odd}", "--kind=caf\udce9", "--title=t\udcff", "--tag=\ud800", "--json")
    )
    assert found["status"] == "complete"
    assert found["project"] == "caf\\xe9"
    assert (found["title"], found["tags"], found["parameters"]["kind"]) == ("t\\xff", ["\\ud800"], "caf\\xe9")
    [file] = found["inputs"][0]["files"]
    assert (file["name"], file["size"]) == ("caf%E9.txt", 5)
    assert file["uri"].endswith("/caf%E9.txt")
    for command in (["execution", "list"], ["execution", "info", "1"], ["execution", "outputs", "1"]):
        strict(localhai(*command, "--json"))
    assert strict(localhai("execution", "metadata", "1", "--events", "--json"))[0]["key\\xe9"] == "\\ud800"
    assert localhai("execution", "info", "1").code == 0
    assert localhai("execution", "logs", "1").code == 0


def test_a_path_that_is_not_utf8_may_be_relative_or_a_wildcard(localhai, project, monkeypatch):
    folder = project / os.fsdecode(b"d\xe9")
    folder.mkdir()
    for number in range(2):
        (folder / f"{number}.txt").write_text(str(number))
    monkeypatch.chdir(project)
    found = strict(localhai("run", "fit", "--data", os.fsdecode(b"d\xe9/*.txt"), "--json"))
    assert [file["name"] for file in found["inputs"][0]["files"]] == ["0.txt", "1.txt"]


@pytest.mark.parametrize(
    ("content", "kind"),
    [(r'{"kind": "\ud800"}', "\\ud800"), (r'{"kind": "\ud83d\ude00"}', "😀"), ('\ufeff{"kind": "a"}', "a")],
)
def test_parameter_files_may_hold_halves_of_characters_and_a_mark(localhai, project, content, kind):
    (project / "p.json").write_text(content)
    found = strict(localhai("run", "fit", "--parameter-file", str(project / "p.json"), "--json"))
    assert found["parameters"]["kind"] == kind


def test_parameters_that_are_not_finite_lose_no_value(localhai):
    found = strict(localhai("run", "fit", "--json"))
    assert found["parameters"]["limit"] == "Infinity"
    assert found["parameters"]["bounds"] == ["-Infinity", 1.5, "NaN"]
    assert "--limit=inf" in found["command"][0]
    assert "--bounds=-inf --bounds=1.5 --bounds=nan" in found["command"][0]
    again = strict(localhai("rerun", "1", "--json"))
    assert again["command"] == found["command"]
    assert again["parameters"] == found["parameters"]
    assert strict(localhai("run", "fit", "--limit=-inf", "--json"))["parameters"]["limit"] == "-Infinity"


def test_metadata_that_is_not_finite_is_null_and_said(localhai):
    answer = localhai("run", "fit")
    assert "NaN or Infinity" in answer.err
    assert [item.get("loss", 0) for item in strict(localhai("execution", "metadata", "1", "--events", "--json"))] == [
        None,
        0,
    ]


def test_pipelines_and_tasks_take_odd_text(localhai):
    found = strict(localhai("pipeline", "run", "all", "--fit.kind=caf\udce9", "--title=\ud800", "--json"))
    assert found["status"] == "complete"
    found = strict(localhai("task", "run", "fit", "--grid", "kind=a,caf\udce9", "--json"))
    assert [json.dumps(found).count(word) > 0 for word in ("caf\\\\\\\\xe9", "Infinity")]


@pytest.mark.parametrize("name", ["a" * 251 + ".txt", "é" * 125 + ".json", "😀" * 63 + ".md"])
def test_names_as_long_as_a_file_system_takes_are_copied(localhai, engine, tmp_path, name):
    engine.behave(Canned(files={name: b"x" * 10}), step="fit")
    assert localhai("run", "fit", f"--sync={tmp_path / 'synced'}").code == 0
    assert (tmp_path / "synced" / name).read_bytes() == b"x" * 10
    assert localhai("execution", "outputs", "1", "--download", str(tmp_path / "copied")).code == 0
    assert [path.name for path in (tmp_path / "copied").iterdir()] == [name]


@pytest.mark.parametrize(
    "words",
    [
        ["execution", "list", "--tag", "gone\udce9"],
        ["execution", "list", "--step", "\ud800"],
        ["execution", "info", "gone\udce9"],
        ["execution", "summarize", "gone\udce9"],
        ["data", "info", "gone\udce9"],
        ["data", "list", "--name", "gone\udce9"],
        ["alias", "create", "gone\udce9", "datum://gone\udce9"],
        ["alias", "info", "gone\udce9"],
        ["dataset", "info", "gone\udce9"],
        ["model", "info", "gone\udce9"],
        ["model", "list", "--tag", "gone\udce9"],
        ["pipeline", "info", "gone\udce9"],
        ["pipeline", "run", "gone\udce9"],
        ["task", "info", "gone\udce9"],
        ["task", "run", "gone\udce9"],
        ["deployment", "info", "gone\udce9"],
        ["lineage", "gone\udce9"],
        ["diff", "gone\udce9", "1"],
        ["rerun", "gone\udce9"],
        ["run", "gone\udce9"],
        ["run", "fit", "--gone\udce9=1"],
        ["run", "fit", "--parameter-file=gone\udce9"],
        ["run", "fit", "--env-file=gone\udce9"],
        ["run", "fit", "--image=gone\udce9"],
        ["run", "fit", "--var=gone\udce9"],
        ["run", "fit", "--commit=gone\udce9"],
        ["plan", "gone\udce9"],
        ["lint", "gone\udce9"],
        ["gone\udce9"],
    ],
    ids=" ".join,
)
@pytest.mark.parametrize("form", [[], ["--output-format=json"]])
def test_no_argument_makes_localhai_fail_by_a_mistake(localhai, words, form):
    answer = localhai(*form, *words)
    assert "made a mistake" not in answer.out + answer.err
    (answer.out + answer.err).encode()
