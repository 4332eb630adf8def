"""What an earlier try of a task left: taken by a retry that asks for the same, stopped or left lying by all others."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from localhai.airflow.local import LocalPlatform
from localhai.airflow.platform import ExecutionRequest, PipelineRequest, Watcher
from localhai.app.projects import Places
from localhai.executions.home import Home
from localhai.testing import FakeContainer, FakeEngine

YAML = """\
- step:
    name: train
    image: python:3.11-slim
    command: python train.py {parameters}
    parameters: [{name: epochs, type: integer, default: 1}]
    inputs: [{name: data, optional: true}]
- step: {name: other, image: python:3.11-slim, command: python train.py}
- pipeline:
    name: all
    parameters: [{name: speed, default: 1, targets: [train.parameter.epochs]}]
    nodes: [{name: train, type: execution, step: train}]
    edges: []
"""
ORIGIN = "airflow:news/monday/train"
ASKED = ExecutionRequest("news", "train", origin=ORIGIN, last_try=2)
WHOLE = PipelineRequest("news", "all", origin=ORIGIN, last_try=2)


class Hearing(Watcher):
    def __init__(self) -> None:
        self.lines: list[str] = []

    def line(self, text: str) -> None:
        self.lines.append(text)

    @property
    def text(self) -> str:
        return "\n".join(self.lines)


class Bench:
    def __init__(self, folder: Path, home: Home, engine: FakeEngine) -> None:
        self.folder = folder
        self.home = home
        self.engine = engine
        self.hearing = Hearing()

    def run(self, request: Any) -> dict[str, Any]:
        places = Places(environ={"LOCALHAI_PROJECTS": f"news={self.folder}"})
        return LocalPlatform(places, home=self.home).run(request, self.hearing)


@pytest.fixture
def bench(tmp_path: Path, home_folder: Path) -> Iterator[Bench]:  # noqa: ARG001  # the home of this test
    folder = tmp_path / "news"
    folder.mkdir()
    (folder / "valohai.yaml").write_text(YAML)
    (folder / "train.py").write_text("print('old')")
    engine = FakeEngine()
    with Home(engine=engine) as home:
        yield Bench(folder, home, engine)


def edited(bench: Bench, request: Any) -> Any:
    (bench.folder / "train.py").write_text("print('new')")
    return request


def with_an_input(bench: Bench, request: Any) -> Any:
    (bench.folder / "train.py").write_text("print('old')")
    bench.folder.with_name("a.csv").write_text("1,2")
    return replace(request, inputs={"data": [bench.folder.with_name("a.csv").as_uri()]})


def pulled_anew(bench: Bench, request: Any) -> Any:
    [row] = bench.home.records.executions.list()
    bench.home.records.executions.update(row.id, image_digest="sha256:" + "0" * 64)
    return request


OTHERS = {
    "cleared": (lambda _bench, request: replace(request, last_try=3), "the task was cleared since"),
    "edited code": (edited, "the code, parameters, inputs or image are others now"),
    "parameters": (
        lambda _bench, request: replace(request, parameters={"epochs": 5}),
        "the code, parameters, inputs or image are others now",
    ),
    "inputs": (with_an_input, "the code, parameters, inputs or image are others now"),
    "step": (
        lambda _bench, request: replace(request, step="other"),
        "the code, parameters, inputs or image are others now",
    ),
    "image": (pulled_anew, "python:3.11-slim is another image now"),
}


def test_a_retry_takes_what_is_complete_and_was_never_heard_of(bench):
    first = bench.run(ASKED)
    again = bench.run(replace(ASKED, again=True, title="another title", tags=["more"]))

    assert again["id"] == first["id"]
    assert "is complete, and is taken" in bench.hearing.text


@pytest.mark.parametrize("name", OTHERS)
def test_whatever_differs_runs_anew(bench, name):
    change, why = OTHERS[name]
    first = bench.run(ASKED)

    second = bench.run(change(bench, ASKED))

    assert (first["counter"], second["counter"]) == (1, 2)
    assert f"execution #1 of an earlier try is complete, and is not taken: {why}" in bench.hearing.text


@pytest.fixture
def running(bench: Bench) -> Iterator[Callable[[Any], threading.Thread]]:
    """Start a request that goes on until it is stopped, in a thread; later ones end at once."""
    begun, over = threading.Event(), threading.Event()
    threads = []

    def long(container: FakeContainer) -> None:
        if begun.is_set():
            return
        begun.set()
        while not over.is_set():
            container.sleep(0.02)

    def start(request: Any) -> threading.Thread:
        bench.engine.behave(long)
        threads.append(threading.Thread(target=bench.run, args=[request]))
        threads[-1].start()
        assert begun.wait(30)
        return threads[-1]

    yield start
    over.set()
    for thread in threads:
        thread.join()


def test_what_still_runs_for_a_cleared_task_is_stopped_first(bench, running):
    running(ASKED)

    details = bench.run(replace(ASKED, last_try=3))

    assert (details["counter"], details["status"]) == (2, "complete")
    assert [str(row.status) for row in bench.home.records.executions.list()] == ["complete", "stopped"]
    assert "execution #1 of an earlier try still runs and is stopped: the task was cleared since" in bench.hearing.text


def test_a_pipeline_that_still_runs_for_a_cleared_task_is_stopped_first(bench, running):
    running(WHOLE)

    details = bench.run(replace(WHOLE, last_try=3))

    assert (details["counter"], details["status"]) == (2, "complete")
    assert [str(row.status) for row in bench.home.records.pipelines.list()] == ["complete", "stopped"]
    assert "pipeline #1 of an earlier try still runs and is stopped: the task was cleared since" in bench.hearing.text


def test_a_pipeline_that_was_torn_away_gives_nothing_to_a_task_that_was_cleared(bench):
    from localhai.airflow.earlier import pipeline_left
    from localhai.airflow.tries import claim
    from localhai.app.open_project import OpenProject

    asked = {"name": "all"}
    mine, cleared = claim(2, code="c", asked=asked), claim(3, code="c", asked=asked)
    with OpenProject.at(bench.folder, home=bench.home) as project:
        document = {"tags": [ORIGIN, mine.tag]}
        row = bench.home.records.pipelines.create(
            project.record.id, name="all", nodes=[], commit=None, document=document, owner=None, title="all"
        )
        bench.home.records.pipelines.change(row.id, "crashed")
        assert pipeline_left(project, ORIGIN, mine, bench.hearing) is not None
        assert pipeline_left(project, ORIGIN, cleared, bench.hearing) is None
    assert bench.hearing.lines == [
        "localhai: pipeline #1 of an earlier try was torn away; nothing of it is kept: the task was cleared since"
    ]
