"""What was left behind, by a process that died or by a thread of a living one: looked after, each on its own."""

from __future__ import annotations

import errno
import os
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from msgspec.structs import replace

import localhai
from localhai.app.open_project import OpenProject
from localhai.app.recover import recover
from localhai.errors import EngineNotFound, RecordsUnavailable, SurroundingsError
from localhai.executions.home import Home
from localhai.executions.run import finalize, recovery, runner
from localhai.executions.run.heartbeat import at_work, own_owner
from localhai.records.database import Away
from localhai.settings import Settings
from localhai.testing import Canned, FakeEngine

if TYPE_CHECKING:
    from collections.abc import Iterator

    from localhai.records import ExecutionRecord

YAML = """\
- step:
    name: train
    image: python:3.11-slim
    command: python train.py
- task:
    name: sweep
    step: train
    type: grid_search
    parameters: [{name: lr, style: multiple, rules: {items: [1]}}]
"""
DEAD = replace(own_owner(), process_start="0")


class Losing:
    """A database that can go away."""

    def __init__(self, database: Any) -> None:
        self._database = database
        self.away = False

    def __getattr__(self, name: str) -> Any:
        return getattr(self._database, name)

    @contextmanager
    def begin(self, *, write: bool) -> Iterator[Any]:
        if self.away:
            raise Away("it is away")
        with self._database.begin(write=write) as transaction:
            yield transaction


def losing(home: Home) -> Losing:
    found = Losing(home.records.access.database)
    home.records.access.database = found  # type: ignore[assignment]
    home.records.access.patience.seconds = 0.0
    return found


def dies(*_: Any, **__: Any) -> Any:
    """In the place of what would have come next."""
    raise SystemExit


def left(home: Home, folder: Path) -> ExecutionRecord:
    """An execution whose localhai was killed when its container had ended."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(finalize, "close", dies)
        with pytest.raises(SystemExit):
            OpenProject.at(folder, home=home).run("train")
    record = home.records.executions.list(limit=1)[0]
    assert home.records.executions.adopt(record.id, record.owner, DEAD)
    return home.records.executions.get(record.id)


def test_an_execution_that_could_not_be_recorded_as_ended_is_closed_as_it_ended(
    home: Home, engine: FakeEngine, folder: Path
) -> None:
    database = losing(home)

    def step(container: Any) -> int:
        Canned(output='{"loss": 0.5}\n', files={"model.bin": b"model"}).play(container)
        database.away = True
        return 0

    engine.behave(step, step="train")
    with pytest.raises(RecordsUnavailable):
        OpenProject.at(folder, home=home).run("train")
    database.away = False
    assert home.records.executions.list()[0].status == "started"

    said: list[str] = []
    recover(home, said.append)

    closed = home.records.executions.list()[0]
    assert (closed.status, [item.name for item in closed.outputs]) == ("complete", ["model.bin"])
    assert closed.document["metadata"] == {"loss": 0.5}
    assert "ended while nobody could record it; it is closed as complete" in said[0]


def test_what_said_how_it_ended_is_closed_without_an_engine(
    home: Home, engine: FakeEngine, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def away(*_: Any) -> Any:
        raise RecordsUnavailable("away")

    with monkeypatch.context() as patch:
        patch.setattr(finalize, "record_end", away)
        with pytest.raises(RecordsUnavailable):
            OpenProject.at(folder, home=home).run("train")
    engine.lose()

    recover(home, lambda _text: None)

    assert home.records.executions.list()[0].status == "complete"


def test_one_that_cannot_be_looked_after_keeps_no_other_from_it(
    home: Home, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    spoiled, whole = left(home, folder), left(home, folder)
    close = finalize.close

    def full(context: Any, ended: Any) -> Any:
        if context.record.id == spoiled.id:
            raise OSError(errno.ENOSPC, "No space left on device")
        return close(context, ended)

    monkeypatch.setattr(finalize, "close", full)
    task = home.records.tasks.create(
        whole.project_id, name="t", step="train", type="grid_search", commit=None, document={"plan": {}}, owner=DEAD
    )
    said: list[str] = []

    recover(home, said.append)

    assert home.records.executions.get(spoiled.id).status == "started"
    assert home.records.executions.get(whole.id).status == "complete"
    assert home.records.tasks.get(task.id).status == "crashed"
    assert "Execution #1" in said[0]
    assert "could not be looked after: " in said[0]
    assert "No space left on device" in said[0]


def test_a_log_that_the_engine_does_not_give_leaves_no_execution_open(
    home: Home, engine: FakeEngine, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(_container: str) -> Any:
        raise SurroundingsError("the Docker Engine could not read the log: configured driver does not support reading")

    record = left(home, folder)
    monkeypatch.setattr(engine, "logs", refuse)

    recover(home, lambda _text: None)

    closed = home.execution(record.id)
    assert (closed.status, [item.name for item in closed.record.outputs]) == ("complete", ["model.bin"])
    assert any("The rest of the log could not be had" in event.message for event in closed.events())


def test_without_an_engine_it_is_said_once_and_nothing_is_lost(
    home: Home, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    left(home, folder)
    left(home, folder)

    def missing(*_: Any) -> Any:
        raise EngineNotFound("no Docker Engine answers")

    said: list[str] = []
    with monkeypatch.context() as patch:
        patch.setattr(recovery, "find_container", missing)
        recover(home, said.append)
    assert len(said) == 1
    assert {item.status for item in home.records.executions.list()} == {"started"}

    recover(home, said.append)

    assert {item.status for item in home.records.executions.list()} == {"complete"}


def test_what_a_thread_of_this_process_dropped_while_it_ran_is_watched_to_its_end_by_another_process(
    home: Home, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    record = left(home, folder)
    assert home.records.executions.adopt(record.id, DEAD, home.own())
    running = replace(recovery.find_container(home, record), running=True)
    monkeypatch.setattr(recovery, "find_container", lambda *_: running)
    started: list[list[str]] = []
    monkeypatch.setattr(recovery.subprocess, "Popen", lambda command, **_: started.append(command) or Process())

    with at_work(record.id):
        recover(home, lambda _text: None)
        assert started == []
    recover(home, lambda _text: None)

    assert [command[-2:] for command in started] == [[record.id, "--dropped"]]


class Process:
    """What Popen gives."""

    pid = 1
    returncode: int | None = None


def opened_below(folder: Path) -> list[int]:
    """Descriptors of this process that are open on files in a folder."""
    files = {(state.st_dev, state.st_ino) for path in folder.rglob("*") for state in [path.lstat()]}
    found = []
    for name in os.listdir("/dev/fd"):
        with suppress(OSError):
            state = os.fstat(int(name))
            found += [int(name)] if (state.st_dev, state.st_ino) in files else []
    return found


def test_an_execution_that_cannot_begin_or_be_taken_over_leaves_no_file_open(
    home: Home, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    project = OpenProject.at(folder, home=home)
    left(home, folder)

    def refused(*_: Any, **__: Any) -> Any:
        raise SurroundingsError("no")

    monkeypatch.setattr(runner, "_say_parity", refused)
    monkeypatch.setattr(recovery, "live_outputs", refused)
    counts = []
    for _ in range(3):
        with pytest.raises(SurroundingsError):
            project.run("train")
        recover(home, lambda text: None)  # noqa: ARG005
        counts.append(len(opened_below(home.folder / "executions")))
    assert len(set(counts)) == 1


def test_python_looks_after_what_was_left_too(home: Home, folder: Path) -> None:
    record = left(home, folder)

    localhai.open_project(folder, home=home)

    assert home.records.executions.get(record.id).status == "complete"


def test_opening_a_project_makes_no_records(tmp_path: Path, folder: Path) -> None:
    with Home(Settings(home=tmp_path / "fresh")) as fresh:
        localhai.open_project(folder, home=fresh)

        assert not (tmp_path / "fresh" / "localhai.db").exists()
