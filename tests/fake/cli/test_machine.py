"""doctor, clean, completion, and how errors nobody foresaw end."""

from __future__ import annotations

import os
import subprocess
import sys
from datetime import datetime, timedelta, timezone
from typing import TYPE_CHECKING

import pytest
from click.shell_completion import BashComplete
from click.testing import CliRunner, Result

from localhai.cli.call import Call
from localhai.cli.main import cli
from localhai.executions import clean
from localhai.executions.home import Home
from localhai.settings import Settings

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from conftest import CommandLine


@pytest.fixture
def without_engine(project: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Result]:
    """Calls localhai in a project where no engine answers: `without_engine("run", "train")`."""
    monkeypatch.setenv("DOCKER_HOST", "unix:///nowhere/docker.sock")
    return lambda *words: CliRunner().invoke(cli, words, obj=Call(folder=project))


def test_doctor_finds_all_well(localhai: CommandLine) -> None:
    answer = localhai("doctor", "--json")
    levels = {finding["name"]: finding["level"] for finding in answer.json["findings"]}

    assert answer.code == 0
    assert answer.json["ok"]
    assert {"home", "records", "store", "project", "s3", "engine", "container", "files"} <= levels.keys()
    assert levels["engine"] == levels["container"] == levels["records"] == "ok"


def test_doctor_looks_for_the_images_that_will_run_and_names_what_cannot(localhai: CommandLine) -> None:
    yaml = localhai.project / "valohai.yaml"
    yaml.write_text(
        yaml.read_text()
        + "- endpoint: {name: greet, image: lost/serve, port: 8000, server-command: x}\n"
        + "- pipeline: {name: p, nodes: [{name: a, type: execution, step: train}], edges: [[a.output.x, b.input.y]]}\n"
    )
    localhai.engine.images = ["python:3.11-slim"]
    found = {(finding["name"], finding["text"]) for finding in localhai("doctor", "--json").json["findings"]}
    assert ("images", "to be pulled when needed: lost/serve") in found
    assert ("project", "pipeline p of valohai.yaml has 1 error and cannot run: see localhai lint") in found
    (localhai.project / "localhai.toml").write_text('[images]\n"lost/*" = "python:3.11-slim"\n')
    assert "images" not in {finding["name"] for finding in localhai("doctor", "--json").json["findings"]}


def test_doctor_without_an_engine_says_what_was_tried_and_exits_with_4(without_engine: Callable[..., Result]) -> None:
    answer = without_engine("doctor")

    assert answer.exit_code == 4
    assert "problem  engine: no Docker Engine answers" in answer.stdout
    assert "/nowhere/docker.sock" in answer.stdout
    assert "-> DOCKER_HOST decides alone" in answer.stdout
    assert "ok       records: 0 executions" in answer.stdout


def test_doctor_finds_what_is_wrong_around(localhai: CommandLine) -> None:
    (localhai.project / "localhai.toml").write_text('[s3]\nfolder = "missing"\n')
    (localhai.project / "valohai.yaml").write_text("- step: 5\n")

    answer = localhai("doctor", "--json")
    levels = {finding["name"]: finding["level"] for finding in answer.json["findings"]}

    assert answer.code == 4
    assert levels["s3"] == levels["project"] == "problem"


def test_clean_shows_before_it_removes(localhai: CommandLine, tmp_path: Path) -> None:
    (tmp_path / "data.csv").write_text("data")
    localhai("run", "train", f"--data={tmp_path / 'data.csv'}")

    shown = localhai("clean")
    refused = localhai("clean", "--executions", "1d")
    asked = localhai("clean", "--all")

    assert shown.code == refused.code == 0
    assert "executions with logs and outputs" in shown.out
    assert "nothing to remove" in refused.err
    assert asked.code == 2
    assert "add --yes" in asked.err
    assert len(localhai("execution", "list", "--json").json) == 1


def test_clean_all_leaves_nothing_of_the_project_behind(localhai: CommandLine) -> None:
    localhai("run", "train")

    answer = localhai("clean", "--all", "--yes", "--json")

    assert answer.json["removed"]
    assert answer.json["problems"] == []
    assert localhai("execution", "list", "--json").json == []
    assert not list((localhai.home.folder / "executions").rglob("*.txt"))
    assert not [path for path in (localhai.home.folder / "store").rglob("*") if path.is_file()]


def test_clean_removes_executions_by_age(localhai: CommandLine) -> None:
    for _ in range(2):
        localhai("run", "train", "-q")
    tomorrow = datetime.now(timezone.utc) + timedelta(days=1)

    young = localhai("clean", "--executions", "1h", "--json").json
    (old,) = clean.old_executions(localhai.home, None, 3600.0, tomorrow)

    assert young["portions"] == []
    assert (old.what, old.count) == ("executions with logs and outputs", 2)
    assert old.size
    assert list(old.remove()) == []
    assert localhai("execution", "list", "--json").json == []
    assert list(old.remove()) == []  # somebody was faster


def test_clean_finds_scratch_files_of_ended_executions_on_the_disk(localhai: CommandLine) -> None:
    localhai("run", "train", "-q")
    localhai("run", "train", "-q")
    executions = localhai.home.folder / "executions"
    (done, kept) = sorted(path for path in executions.glob("*/*-*") if path.is_dir())
    strange = executions / "newsroom" / "9-of-nobody"
    for folder in (done, kept, strange):
        (folder / "scratch" / "live").mkdir(parents=True)
    (kept / "scratch" / "live" / "output.txt").write_text("not collected yet")

    answer = localhai("clean", "--containers", "--yes", "--json").json

    assert [(item["what"], item["count"]) for item in answer["portions"]] == [("leftover scratch folders", 1)]
    assert not (done / "scratch").exists()
    assert (kept / "scratch" / "live" / "output.txt").exists()
    assert (strange / "scratch").exists()


def test_clean_removes_what_a_crash_left_on_the_engine(localhai: CommandLine) -> None:
    from localhai.containers.engine import ContainerSpec
    from localhai.containers.labels import OwnerLabel, build

    dead = OwnerLabel("elsewhere" if os.name == "nt" else os.uname().nodename, 2**22 + 1, "0", "another boot")
    labels = build(execution="0" * 8 + "-0000-7000-8000-" + "0" * 12, project="gone", owner=dead)
    localhai.engine.create(ContainerSpec("left", "python:3.11-slim", ("true",), labels=labels))

    assert localhai("clean", "--containers", "--yes").code == 0
    assert localhai.engine.all_containers == []


def test_a_plan_needs_no_engine_and_records_nothing(without_engine: Callable[..., Result], home_folder: Path) -> None:
    human = without_engine("plan", "train", "--epochs=4")
    machine = without_engine("plan", "train", "--json")

    assert human.exit_code == machine.exit_code == 0
    assert "epochs = 4" in human.stdout
    assert "python:3.11-slim" in human.stdout
    assert machine.stdout.startswith("{")
    assert not (home_folder / "localhai.db").exists()


def test_running_without_an_engine_exits_with_4(without_engine: Callable[..., Result]) -> None:
    answer = without_engine("run", "train")

    assert answer.exit_code == 4
    assert "/nowhere/docker.sock" in answer.stderr
    assert "Traceback" not in answer.stderr


@pytest.mark.parametrize(
    ("typed", "offered"),
    [
        ("", {"run", "execution", "doctor"}),
        ("execution l", {"list", "logs"}),
        ("run ", {"train", "evaluate"}),
        ("run tr", {"train"}),
        ("run train --ep", {"--epochs"}),
        ("run train --ti", {"--title", "--time-limit"}),
        ("execution info ", {"latest", "1"}),
        ("rerun ", {"latest", "1"}),
        ("rerun 1 --ep", {"--epochs"}),
    ],
)
def test_shells_complete_commands_steps_and_parameters(localhai: CommandLine, typed: str, offered: set[str]) -> None:
    localhai("run", "train", "-q")
    *words, incomplete = typed.split(" ")
    obj = Call(home=localhai.home, folder=localhai.project)
    completer = BashComplete(cli, {"obj": obj}, "localhai", "_LOCALHAI_COMPLETE")

    assert offered <= {item.value for item in completer.get_completions(words, incomplete)}


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_completion_prints_a_script(localhai: CommandLine, shell: str) -> None:
    assert "_LOCALHAI_COMPLETE" in localhai("completion", shell).out


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["rnu"], ["There is no command 'rnu'", "Did you mean 'run'?"]),
        (["execution", "lst"], ["Did you mean 'list'?"]),
        (["execution", "s"], ["could be any of summarize, stop"]),
        (["execution", "list", "--bogus"], ["--bogus", "localhai execution list --help"]),
        (["diff", "1"], ["Missing argument 'B'"]),
    ],
)
def test_wrong_commands_and_options_exit_with_2(localhai: CommandLine, arguments: list[str], words: list[str]) -> None:
    answer = localhai(*arguments)

    assert answer.code == 2
    assert all(word in answer.err for word in words), answer.err


def test_beginnings_of_commands_will_do(localhai: CommandLine) -> None:
    assert localhai("e", "li", "--json").json == []
    assert localhai("alias", "l", "--json").json == []


class Broken:
    """An engine that fails as nobody foresaw."""

    def __getattr__(self, name: str) -> object:
        raise RuntimeError(f"no {name}")


def test_what_nobody_foresaw_is_one_line_and_a_file(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with Home(Settings.load(), engine=Broken()) as home:  # type: ignore[arg-type]
        result = CliRunner().invoke(cli, ["doctor"], obj=Call(home=home, folder=project))
        crash = next(home.folder.glob("crash-*.txt"))
        monkeypatch.setenv("LOCALHAI_DEBUG", "1")
        debugged = CliRunner().invoke(cli, ["doctor"], obj=Call(home=home, folder=project))

    assert result.exit_code == 1
    assert "RuntimeError: no info" in result.stderr
    assert str(crash) in result.stderr
    assert "Traceback" not in result.stderr
    assert "RuntimeError: no info" in crash.read_text()
    assert "Traceback" in debugged.stderr


def test_a_reader_that_has_enough_is_no_error(localhai: CommandLine) -> None:
    localhai("run", "train", "-q")
    command = f"'{sys.executable}' -m localhai.cli execution logs 1 | true; echo ${{PIPESTATUS[0]}}"

    done = subprocess.run(["bash", "-c", command], cwd=localhai.project, capture_output=True, text=True, check=False)

    assert done.stderr == ""
    assert done.stdout.strip() in {"0", "141"}


def test_clean_drops_plans_and_verdicts_that_were_not_used_for_long(localhai: CommandLine) -> None:
    localhai("run", "train", "-q")
    cache = localhai.home.folder / "cache"
    kept = list(cache.glob("plans/*")) + list(cache.glob("verdicts/*"))
    old = [cache / "plans" / "old.json", cache / "verdicts" / "old"]
    for path in old:
        path.write_text("{}")
        os.utime(path, (0, 0))

    answer = localhai("clean", "--cache", "--yes", "--json").json

    assert [item["count"] for item in answer["portions"] if item["what"] == "remembered plans and verdicts"] == [2]
    assert kept
    assert all(path.exists() for path in kept)
    assert not any(path.exists() for path in old)


def test_doctor_names_the_schema_of_the_records(localhai: CommandLine) -> None:
    findings = {item["name"]: item["text"] for item in localhai("doctor", "--json").json["findings"]}

    assert findings["records"].endswith(f"schema {localhai.home.records.schema_version()}")
