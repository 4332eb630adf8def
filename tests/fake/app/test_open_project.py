"""A project opened from Python does what the command line does."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

import pytest

from localhai import open_project
from localhai.errors import UsageError
from localhai.executions.run.observer import Observer
from localhai.testing import Canned

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path
    from typing import Any

    from localhai.app.open_project import OpenProject
    from localhai.executions.home import Home
    from localhai.testing import FakeEngine

YAML = """\
- step:
    name: train
    image: python:3.11-slim
    command: python train.py {parameters}
    parameters:
      - {name: epochs, type: integer, default: 1}
      - {name: rate, type: float, default: 0.5}
- step:
    name: judge
    image: python:3.11-slim
    command: python judge.py
    inputs:
      - {name: model, optional: true}
- pipeline:
    name: both
    parameters:
      - {name: epochs, targets: [train.parameters.epochs], default: 2}
    nodes:
      - {name: train, type: execution, step: train}
      - {name: judge, type: execution, step: judge}
    edges:
      - [train.output.*, judge.input.model]
- task:
    name: sweep
    step: train
    type: grid_search
    parameters:
      - {name: epochs, style: multiple, rules: {items: [3, 4]}}
"""


@pytest.fixture
def project(home: Home, folder: Path) -> Iterator[OpenProject]:
    with open_project(folder, home=home) as opened:
        yield opened


def test_an_execution_runs_again_but_for_what_is_given(project: OpenProject, folder: Path) -> None:
    first = project.run("train", parameters={"epochs": 5, "rate": 0.1})
    (folder / "valohai.yaml").write_text(YAML.replace("train.py", "other.py"))
    again = project.rerun(str(first.counter), parameters={"rate": 0.2})
    assert (again.counter, again.parameters) == (2, {"epochs": 5, "rate": 0.2})
    assert again.record.commit == first.record.commit
    assert again.plan().command == ("python train.py --epochs=5 --rate=0.2",)
    now = project.rerun("1", current=True)
    assert now.plan().command == ("python other.py --epochs=5 --rate=0.1",)
    with pytest.raises(UsageError, match="9"):
        project.rerun("9")


def test_a_pipeline_runs_with_all_its_nodes(project: OpenProject) -> None:
    ran = project.run_pipeline("both", parameters={"epochs": 7, "train.rate": 0.3}, title="mine", tags=["nightly"])
    assert (ran.status, ran.title, [node.status for node in ran.nodes]) == ("complete", "mine", ["complete"] * 2)
    assert project.execution("1").parameters == {"epochs": 7, "rate": 0.3}
    assert [file["name"] for file in project.execution("2").inputs[0]["files"]] == ["model.bin"]
    with pytest.raises(UsageError, match="unknown"):
        project.run_pipeline("unknown")


def test_a_task_runs_all_its_executions(project: OpenProject) -> None:
    task = project.run_task("sweep", jobs=2)
    assert task.record.status == "complete"
    assert sorted(row["parameters"]["epochs"] for row in task.rows()) == [3, 4]


def test_executions_are_listed_by_what_they_are(project: OpenProject, engine: FakeEngine) -> None:
    engine.behave(Canned(exit_code=1), step="judge")
    project.run("train")
    project.run("judge")
    assert [row.counter for row in project.executions()] == [2, 1]
    assert [row.counter for row in project.executions(limit=1)] == [2]
    assert [row.step for row in project.executions(statuses=["error"])] == ["judge"]
    assert [row.counter for row in project.executions(step="train")] == [1]
    assert project.executions(tag="none") == []


def test_an_execution_is_stopped_by_its_number(project: OpenProject, engine: FakeEngine) -> None:
    begun = threading.Event()

    class Begun(Observer):
        def started(self, execution: Mapping[str, Any]) -> None:  # noqa: ARG002
            begun.set()

    engine.behave(lambda container: container.sleep(600), step="train")  # or until it is killed
    ended: list[str] = []
    thread = threading.Thread(target=lambda: ended.append(project.run("train", observer=Begun()).status))
    thread.start()
    assert begun.wait(60)
    assert project.stop("1")
    thread.join(60)
    assert ended == ["stopped"]
    assert not project.stop("1")
