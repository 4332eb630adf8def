"""What is heard of a task while it runs, and why it ends before all of it has."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from localhai.app.open_project import OpenProject
from localhai.errors import SurroundingsError
from localhai.executions.home import Home
from localhai.executions.run.observer import Observer
from localhai.executions.run.stop import Interruption
from localhai.project.folder import find_project
from localhai.project.overrides import Overrides
from localhai.settings import Settings
from localhai.tasks.building import Wish, build
from localhai.tasks.running import TaskObserver
from localhai.tasks.task import TaskStart, run_task
from localhai.testing import FakeEngine

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from localhai.tasks.task import Task

PATIENCE = 30
YAML = """\
- step:
    name: train
    image: python:3.11-slim
    command: echo {parameters}
    parameters:
      - {name: lr, type: float, default: 0.5, max: 2}
"""


class Heard(Observer):
    """Of one execution."""

    def __init__(self, events: list[Any], number: int, watches: bool) -> None:
        self.watches_metadata = watches
        self.events, self.number = events, number
        self.said: list[str] = []
        self.steps: list[Any] = []

    def started(self, execution: Any) -> None:
        self.events.append((self.number, "started", execution["counter"]))

    def output(self, stream: Any, data: bytes) -> None:
        self.events.append((self.number, stream, data))

    def metadata(self, objects: Any) -> None:
        self.events.extend((self.number, "metadata", found["loss"]) for found in objects)

    def status(self, text: str) -> None:
        self.said.append(text)

    def progress(self, what: str, name: str, done: int, total: int | None) -> None:
        self.steps.append((self.number, what, name, done, total))

    def finished(self, execution: Any) -> None:
        self.events.append((self.number, "finished", execution["status"]))


class Watch(TaskObserver):
    def __init__(self, *, watches: bool = False) -> None:
        self.events: list[Any] = []
        self.lines: list[str] = []
        self.watches = watches
        self.children: list[Heard] = []

    def started(self, task: Any) -> None:
        self.events.append(("started", task["counter"], task["status"]))

    def child(self, child: Any) -> Observer:
        self.children.append(Heard(self.events, child.number, self.watches))
        return self.children[-1]

    def ended(self, child: Any, status: str, execution: Any) -> None:
        self.events.append((child.number, "ended", status, execution and execution["counter"]))

    def said(self, text: str) -> None:
        self.lines.append(text)


@pytest.fixture
def engine() -> Iterator[FakeEngine]:
    engine = FakeEngine()
    yield engine
    engine.close()


@pytest.fixture
def project(tmp_path: Path, used_home: Path, engine: FakeEngine) -> Iterator[OpenProject]:
    folder = tmp_path / "newsroom"
    folder.mkdir()
    (folder / "valohai.yaml").write_text(YAML)
    with Home(Settings(home=used_home), engine=engine) as home:
        yield OpenProject(home, find_project(folder), home.settings)


def sweep(project: OpenProject, values: list[float], *, jobs: int = 1, stop: str | None = None, **more: Any) -> Task:
    config = project.config()
    wish = Wish("rates", "grid_search", variants=[("lr", "multiple", {"items": values})], stop_condition=stop)
    plan = build(wish, config.config.steps["train"], seed=1)
    start = TaskStart(project, plan, config, project.snapshot(), Overrides(), project.options(), jobs=jobs)
    return run_task(start, **more)


def facts(task: Task) -> tuple[str, str | None, dict[str, int]]:
    return task.record.status, task.record.document.get("error"), task.summary()["statuses"]


@pytest.mark.parametrize("watches", [True, False])
def test_all_of_each_execution_is_heard_in_order(project: OpenProject, engine: FakeEngine, watches: bool) -> None:
    engine.behave(lambda container: container.out(json.dumps({"loss": container.parameters["lr"]}) + "\n"))
    watch = Watch(watches=watches)
    task = sweep(project, [1.0, 2.0], observer=watch)
    assert facts(task) == ("complete", None, {"complete": 2})
    expected: list[Any] = [("started", 1, "started")]
    for number in (0, 1):
        expected += [
            (number, "started", number + 1),
            (number, "stdout", b'{"loss": %.1f}\n' % (number + 1)),
            *([(number, "metadata", number + 1.0)] if watches else []),
            (number, "finished", "complete"),
            (number, "ended", "complete", number + 1),
        ]
    assert sorted(map(repr, watch.events)) == sorted(map(repr, expected))
    assert watch.events[0] == expected[0]
    assert watch.events[-1] == expected[-1]
    assert watch.lines == []


def test_how_far_an_execution_is_before_it_starts_is_heard_too(project: OpenProject, engine: FakeEngine) -> None:
    engine.images, engine.pullable = [], ["python:3.11-slim"]
    watch = Watch()
    sweep(project, [1.0], observer=watch)
    (heard,) = watch.children
    assert (0, "image", "python:3.11-slim", 100, 100) in heard.steps
    assert any("python:3.11-slim" in line for line in heard.said)


def test_what_is_asked_to_stop_says_so(project: OpenProject, engine: FakeEngine) -> None:
    def asked(container: Any) -> int:
        (task,) = project.home.records.tasks.list_open()
        project.home.records.tasks.request_stop(task.id)
        return int(container.sleep(PATIENCE))

    engine.behave(asked)
    assert facts(sweep(project, [1.0, 2.0])) == ("stopped", "it was asked to stop", {"stopped": 1})


def test_what_is_interrupted_says_so(project: OpenProject, engine: FakeEngine) -> None:
    interruption = Interruption()

    def asks(container: Any) -> int:
        interruption.ask()
        return int(container.sleep(PATIENCE))

    engine.behave(asks)
    task = sweep(project, [1.0, 2.0], interruption=interruption)
    assert facts(task) == ("stopped", "it was interrupted", {"stopped": 1})


def test_an_execution_that_cannot_be_planned_fails_and_the_others_go_on(
    project: OpenProject, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of a long list the values at its end are seen when it is their turn."""
    monkeypatch.setattr("localhai.tasks.building.MOST_PROBES", 1)
    watch = Watch()
    task = sweep(project, [1.0, 5.0, 2.0], observer=watch)
    assert facts(task) == ("error", "1 of 3 executions failed", {"complete": 2})
    (line,) = watch.lines
    assert line.startswith("execution 2 could not start: ")
    assert (1, "ended", "error", None) in watch.events


def test_what_all_executions_miss_ends_the_task(project: OpenProject, engine: FakeEngine) -> None:
    engine.behave(lambda _container: engine.images.clear())
    with pytest.raises(SurroundingsError, match="there is no image"):
        sweep(project, [1.0, 2.0, 1.5])
    (record,) = project.home.records.tasks.list()
    assert (record.status, record.document["error"]) == ("error", "there is no image python:3.11-slim")
    assert len(list(project.home.records.tasks.children(record.id))) == 2


def test_a_condition_that_one_execution_meets_stops_the_others(project: OpenProject, engine: FakeEngine) -> None:
    def meets(container: Any) -> int:
        container.out('{"loss": 0.5}\n' if container.parameters["lr"] == 1.0 else '{"loss": 3}\n')
        return int(container.sleep(PATIENCE))

    engine.behave(meets)
    task = sweep(project, [1.0, 2.0], jobs=2, stop="loss < 1")
    assert facts(task) == ("complete", "stop-condition met: loss < 1", {"stopped": 2})
