"""What a task that goes on keeps of what it was, and how one ends that could not."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from click.testing import CliRunner

from localhai.cli.call import Call
from localhai.cli.main import cli
from localhai.executions.home import Home
from localhai.records.times import parse
from localhai.settings import Settings
from localhai.tasks.running import Running
from localhai.testing import FakeEngine

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    Localhai = Callable[..., tuple[int, Any, str]]

YAML = """\
- step:
    name: train
    image: python:3.11-slim
    command: echo {parameters}
    parameters:
      - {name: epochs, type: integer, default: 3}
- task:
    name: group
    step: train
    type: distributed
    execution-count: 2
    parameters: []
"""
SWEEP = ("task", "run", "train", "--grid", "epochs=1,2", "--json")


@pytest.fixture
def engine() -> Iterator[FakeEngine]:
    engine = FakeEngine()
    yield engine
    engine.close()


@pytest.fixture
def home(used_home: Path, engine: FakeEngine) -> Iterator[Home]:
    with Home(Settings(home=used_home), engine=engine) as opened:
        yield opened


@pytest.fixture
def localhai(tmp_path: Path, home: Home) -> Localhai:
    """The exit code, the document and what was said of a command."""
    folder = tmp_path / "newsroom"
    folder.mkdir()
    (folder / "valohai.yaml").write_text(YAML)

    def call(*words: str) -> tuple[int, Any, str]:
        done = CliRunner().invoke(cli, list(words), obj=Call(home=home, folder=folder))
        if done.exception is not None and not isinstance(done.exception, SystemExit):
            raise done.exception
        return done.exit_code, json.loads(done.stdout) if done.stdout else None, done.stderr

    return call


def fails_at_two(container: Any) -> int:
    return int(container.parameters.get("epochs") == 2)


def test_a_failure_that_stays_counts_when_the_task_goes_on(localhai: Localhai, engine: FakeEngine) -> None:
    engine.behave(fails_at_two)
    localhai(*SWEEP)
    engine.behave(lambda _container: pytest.fail("nothing is missing"))
    code, found, _ = localhai("task", "resume", "1", "--json")
    assert (code, found["status"], found["error"]) == (1, "error", "1 of 2 executions failed")


def test_a_group_that_is_complete_stays_so(localhai: Localhai, engine: FakeEngine) -> None:
    localhai("task", "run", "group", "--json")
    engine.behave(lambda _container: 1)
    code, found, _ = localhai("task", "resume", "1", "--json")
    assert (code, found["status"]) == (0, "complete")
    assert sorted(row["counter"] for row in found["executions"]) == [1, 2]


def test_a_task_that_went_on_took_from_its_beginning_to_its_last_end(localhai: Localhai, engine: FakeEngine) -> None:
    engine.behave(fails_at_two)
    localhai(*SWEEP)
    engine.behave(lambda _container: 0)
    found = localhai("task", "rerun", "1", "--failed", "--json")[1]
    seconds = (parse(found["finished"]) - parse(found["created"])).total_seconds()
    assert found["duration"] == pytest.approx(seconds)


def test_a_task_that_may_reuse_does_so_when_it_goes_on(localhai: Localhai, engine: FakeEngine) -> None:
    engine.behave(fails_at_two)
    localhai(*SWEEP, "--reuse")
    engine.behave(lambda _container: 0)
    localhai("run", "train", "--epochs=2")
    engine.behave(lambda _container: pytest.fail("it has been had"))
    code, found, _ = localhai("task", "rerun", "1", "--failed", "--json")
    assert (code, found["statuses"]) == (0, {"complete": 2})


def test_a_task_that_goes_on_reads_its_file_of_variables_again(
    localhai: Localhai, engine: FakeEngine, tmp_path: Path
) -> None:
    (tmp_path / "keys.env").write_text("API_KEY=secret\n")
    engine.behave(fails_at_two)
    localhai(*SWEEP, "--env-file", str(tmp_path / "keys.env"))
    seen: list[str | None] = []
    engine.behave(lambda container: seen.append(container.environment.get("API_KEY")))
    localhai("task", "rerun", "1", "--failed", "--json")
    assert seen == ["secret"]


def test_parity_stands_in_a_task_once(localhai: Localhai) -> None:
    found = localhai("task", "run", "group", "--json")[1]
    assert [note["key"] for note in found["parity"]] != []
    assert "parity" not in found["plan"]


def test_what_still_runs_is_waited_for_or_stopped(localhai: Localhai, home: Home) -> None:
    found = localhai(*SWEEP)[1]
    record = home.records.tasks.get(found["id"])
    left = home.records.executions.create(
        record.project_id, step="train", image="x", commit=None, document={}, owner=None
    )
    home.records.tasks.add_child(record.id, 1, left.id)
    error = localhai("task", "resume", "1", "--json")[1]["error"]
    assert error["message"] == "of task #1 still in progress: #3"
    assert error["hints"] == ["wait for it: localhai execution watch 3", "or stop it"]


def test_a_task_that_fails_in_ways_nobody_foresaw_does_not_stay_open(
    localhai: Localhai, home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(_self: Running) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr(Running, "run", broken)
    assert localhai(*SWEEP)[0] != 0
    (record,) = home.records.tasks.list()
    assert (record.status, record.document["error"]) == ("crashed", "localhai failed")


def test_an_image_is_had_as_the_call_says_and_that_is_told(localhai: Localhai, engine: FakeEngine) -> None:
    engine.images, engine.pullable = [], ["python:3.11-slim"]
    code, _, said = localhai(*SWEEP, "--pull", "never")
    assert (code, engine.pulled) == (4, [])
    code, _, said = localhai(*SWEEP)
    assert (code, engine.pulled) == (0, ["python:3.11-slim"])
    assert "python:3.11-slim" in said
