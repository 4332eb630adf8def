"""`localhai task` over the fake engine."""

from __future__ import annotations

import csv
import gc
import json
import os
import threading
import tracemalloc
from typing import TYPE_CHECKING, Any

import pytest
from click.testing import CliRunner
from msgspec.structs import replace

from localhai.app.open_project import OpenProject
from localhai.cli.call import Call
from localhai.cli.main import cli
from localhai.executions.home import Home
from localhai.executions.run.heartbeat import own_owner
from localhai.project.folder import find_project
from localhai.project.overrides import Overrides
from localhai.settings import Settings
from localhai.tasks.building import Wish, build
from localhai.tasks.task import TaskStart, run_task
from localhai.testing import FakeEngine

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from click.testing import Result

    from localhai.tasks.task import Task
    from localhai.testing import FakeContainer

CHILDREN = 50

YAML = """\
- step:
    name: train
    image: python:3.11-slim
    command: echo {parameters}
    parameters:
      - {name: lr, type: float, default: 0.5, max: 2}
      - {name: epochs, type: integer, default: 3}
      - {name: seed, type: integer, optional: true}
- task:
    name: rates
    step: train
    parameters:
      - {name: lr, style: multiple, rules: {items: [0.1, 0.2]}}
      - {name: epochs, style: linear, rules: {start: 1, end: 3, step: 1}}
- task:
    name: aimed
    step: train
    optimization-target-metric: score
    optimization-target-value: 0.4
    parameters:
      - {name: lr, style: multiple, rules: {items: [0.1, 0.2]}}
- task:
    name: together
    step: train
    type: distributed
    execution-count: 2
    parameters: []
- task:
    name: early
    step: train
    stop-condition: score > 1.2
    parameters:
      - {name: epochs, style: linear, rules: {start: 1, end: 9, step: 1}}
"""


def learn(container: FakeContainer) -> int:
    """The nearer lr * epochs is to 0.4, the better."""
    lr, epochs = container.parameters["lr"], container.parameters["epochs"]
    container.out(json.dumps({"score": round(lr * epochs, 4)}) + "\n")  # type: ignore[operator]
    return 3 if epochs == 13 else 0


@pytest.fixture
def engine() -> Iterator[FakeEngine]:
    engine = FakeEngine()
    engine.behave(learn)
    yield engine
    engine.close()


@pytest.fixture
def localhai(tmp_path: Path, engine: FakeEngine, used_home: Path) -> Iterator[Callable[..., Result]]:
    folder = tmp_path / "newsroom"
    folder.mkdir()
    (folder / "valohai.yaml").write_text(YAML)
    with Home(Settings.load(flags={"home": used_home}), engine=engine) as home:

        def call(*arguments: str) -> Result:
            result = CliRunner().invoke(cli, list(arguments), obj=Call(home=home, folder=folder))
            if result.exception is not None and not isinstance(result.exception, SystemExit):
                raise result.exception
            return result

        call.home, call.folder = home, folder  # type: ignore[attr-defined]
        yield call


def document(result: Result) -> Any:
    return json.loads(result.stdout)


def test_a_blueprint_runs_and_is_compared(localhai: Callable[..., Result]) -> None:
    done = localhai("task", "run", "rates", "--json", "--jobs", "2")
    assert done.exit_code == 0
    found = document(done)
    assert (found["status"], found["count"], found["statuses"]) == ("complete", 6, {"complete": 6})
    table = [(row["parameters"]["lr"], row["parameters"]["epochs"], row["metadata"]) for row in found["executions"]]
    assert table == [(lr, epochs, {"score": round(lr * epochs, 4)}) for lr in (0.1, 0.2) for epochs in (1, 2, 3)]
    assert document(localhai("task", "info", "latest", "--json"))["executions"] == found["executions"]
    assert document(localhai("task", "list", "--json"))[0]["statuses"] == {"complete": 6}


def test_an_execution_knows_its_task(localhai: Callable[..., Result], engine: FakeEngine) -> None:
    seen: list[tuple[str, object, object]] = []

    def look(container: FakeContainer) -> int:
        config = container.config("execution.json")
        seen.append((container.environment["VH_TASK_ID"], config["valohai.task-id"], config["valohai.task-counter"]))
        return 0

    engine.behave(look)
    found = document(localhai("task", "run", "rates", "--json"))
    assert set(seen) == {(found["id"], found["id"], 1)}


def test_a_sweep_is_typed_and_sorted_best_first(localhai: Callable[..., Result]) -> None:
    done = localhai(
        "task", "run", "train", "--grid", "lr=0.1,0.5", "--grid", "epochs=1:3:1", "--target", "score=0.4", "--csv"
    )
    assert done.exit_code == 0
    rows = list(csv.DictReader(done.stdout.splitlines()))
    assert len(rows) == 6
    assert [row["score"] for row in rows][:2] in (["0.5", "0.3"], ["0.3", "0.5"])
    by_score = list(csv.DictReader(localhai("task", "info", "1", "--csv", "--sort=-score").stdout.splitlines()))
    assert [row["score"] for row in by_score] == ["1.5", "1.0", "0.5", "0.3", "0.2", "0.1"]
    wrong = localhai("task", "info", "1", "--sort=loss")
    assert (wrong.exit_code, "there is no column 'loss'" in wrong.stderr) == (2, True)


def test_a_task_of_valohai_yaml_is_compared_by_a_target_that_is_typed(localhai: Callable[..., Result]) -> None:
    done = localhai("task", "run", "rates", "--target", "score=0.45")
    header, first, *others = done.stdout.splitlines()
    assert header.split()[-1] == "Best"
    assert (first.split()[0], first.split()[-1]) == ("5", "best")
    assert not any("best" in line for line in others)
    found = document(localhai("task", "info", "1", "--json"))
    assert (found["best"], found["executions"][0]["number"]) == (4, 4)
    assert found["plan"]["target"] == {"metric": "score", "value": 0.45}
    rows = list(csv.DictReader(localhai("task", "info", "1", "--csv", "--sort=counter").stdout.splitlines()))
    assert [row["Best"] for row in rows] == ["", "", "", "", "best", ""]


def test_a_target_without_a_value_orders_and_calls_nothing_best(localhai: Callable[..., Result]) -> None:
    found = document(localhai("task", "run", "train", "--grid", "lr=0.5,0.1,0.3", "--target", "score", "--json"))
    assert [row["parameters"]["lr"] for row in found["executions"]] == [0.1, 0.3, 0.5]
    assert found["best"] is None
    assert "Best" not in localhai("task", "info", "1", "--csv").stdout


def test_what_failed_is_not_the_best(localhai: Callable[..., Result]) -> None:
    found = document(localhai("task", "run", "train", "--grid", "epochs=12:14:1", "--target", "score=6.5", "--json"))
    assert (found["executions"][0]["status"], found["best"]) == ("error", 0)


def test_the_target_that_a_task_has_may_be_typed_too(localhai: Callable[..., Result]) -> None:
    for typed in ("score", "score=0.4"):
        plan = document(localhai("task", "run", "aimed", "--target", typed, "--dry-run", "--json"))["plan"]
        assert plan["target"] == {"metric": "score", "value": 0.4}


def test_a_wrong_column_loses_no_sweep(localhai: Callable[..., Result]) -> None:
    done = localhai("task", "run", "rates", "--sort=loss", "--json")
    assert done.exit_code == 0
    assert len(document(done)["executions"]) == 6
    assert "there is no column 'loss'" in done.stderr


def test_parameters_of_the_step_hold_for_all(localhai: Callable[..., Result]) -> None:
    found = document(localhai("task", "run", "train", "--grid", "lr=0.1,0.2", "--epochs=7", "--seed=5", "--json"))
    assert [row["metadata"]["score"] for row in found["executions"]] == [0.7, 1.4]


def test_random_draws_are_repeated_by_their_seed(localhai: Callable[..., Result]) -> None:
    words = ("task", "run", "train", "--random", "lr=0.001:1:log", "--execution-count=5", "--json", "--draw-seed")
    first, again, other = (document(localhai(*words, seed)) for seed in ("1", "1", "2"))
    values = [[row["parameters"]["lr"] for row in found["executions"]] for found in (first, again, other)]
    assert values[0] == values[1] != values[2]


def test_sets_come_from_a_file(localhai: Callable[..., Result], tmp_path: Path) -> None:
    (tmp_path / "sets.csv").write_text("lr,epochs\n0.1,2\n0.3,\n")
    found = document(localhai("task", "run", "train", "--manual", str(tmp_path / "sets.csv"), "--json"))
    assert [row["metadata"]["score"] for row in found["executions"]] == [0.2, 0.9]


def test_a_dry_run_shows_the_sets_and_runs_nothing(localhai: Callable[..., Result]) -> None:
    found = document(localhai("task", "run", "rates", "--dry-run", "--json"))
    assert found["sets"][0] == {"lr": 0.1, "epochs": 1}
    assert len(found["sets"]) == 6
    assert "would make 6 executions" in localhai("task", "run", "rates", "--dry-run").stderr
    assert document(localhai("task", "list", "--json")) == []


@pytest.mark.parametrize(
    ("words", "code", "message"),
    [
        (["rate5"], 2, "there is no task 'rate5'"),
        (["train"], 2, "--grid NAME=VALUE"),
        (["train", "--grid", "lr=1,5"], 2, "more than the maximum 2"),
        (["train", "--grid", "speed=1"], 2, "has no parameter 'speed'"),
        (["train", "--grid", "lr"], 2, "is not NAME=VALUES"),
        (["train", "--grid", "lr=1", "--random", "epochs=1:2"], 2, "exclude each other"),
        (["train", "--random", "lr=0:1"], 2, "--execution-count=50"),
        (["train", "--grid", "lr=1", "--stop-condition", "a >"], 2, "is not an expression"),
        (["rates", "--stop-condition", "score > 1"], 2, "--stop-condition: of task rates, valohai.yaml says it"),
        (["aimed", "--target", "loss"], 2, "the target of task aimed is score=0.4 in valohai.yaml"),
        (["aimed", "--target", "score=1"], 2, "only the order of the table: --sort=score"),
        (["rates", "--target", "score=nan"], 2, "'nan' is not a number"),
        (["rates", "--target", "=1"], 2, "names no metric"),
        (["train", "--manual", "nowhere.csv"], 2, "cannot be read"),
        (["train", "--grid", "lr=1", "--execution-count", "5"], 2, "--grid and --manual make all their sets"),
        (["train", "--grid", "lr=1", "--execution-batch-size", "5"], 2, "is of --bayesian only"),
        (["train", "--distributed"], 2, "--execution-count=2"),
        (["train", "--distributed", "--random", "lr=0:1"], 2, "--distributed and --random exclude each other"),
        (["train", "--distributed", "--grid", "lr=0.1,0.2", "--execution-count", "3"], 2, "2 values for 3 members"),
        (["rates", "--maximum-queued-executions", "1"], 2, "of task rates, valohai.yaml says it"),
    ],
)
def test_mistakes_are_said_before_anything_starts(
    localhai: Callable[..., Result], words: list[str], code: int, message: str
) -> None:
    done = localhai("task", "run", *words)
    assert (done.exit_code, message in done.stderr) == (code, True), done.stderr
    assert localhai("task", "run", *words, "--dry-run").exit_code == code
    assert document(localhai("task", "list", "--json")) == []
    assert document(localhai("execution", "list", "--json")) == []


def test_what_a_typed_sweep_says_of_itself_is_its_plan(localhai: Callable[..., Result]) -> None:
    words = ("--random", "lr=0:1", "--bayesian", "--target=score=0", "--execution-count=30", "--execution-batch-size=3")
    done = localhai("task", "run", "train", *words, "--maximum-queued-executions=2", "--dry-run", "--json")
    plan = document(done)["plan"]
    assert (plan["type"], plan["batch_size"], plan["maximum_queued_executions"]) == ("bayesian_tpe", 3, 2)


def test_a_failure_is_an_error_and_the_rest_goes_on(localhai: Callable[..., Result]) -> None:
    done = localhai("task", "run", "train", "--grid", "epochs=12:14:1", "--json")
    assert done.exit_code == 1
    found = document(done)
    assert (found["status"], found["error"]) == ("error", "1 of 3 executions failed")
    assert found["statuses"] == {"complete": 2, "error": 1}
    kept = localhai("task", "run", "train", "--grid", "epochs=12:14:1", "--on-child-error", "continue-and-complete")
    assert kept.exit_code == 0
    stopped = localhai("task", "run", "train", "--grid=epochs=12:14:1", "--on-child-error=stop-all-and-error", "--json")
    assert document(stopped)["statuses"] == {"complete": 1, "error": 1}


def test_a_failed_set_runs_again_when_asked(localhai: Callable[..., Result], engine: FakeEngine) -> None:
    localhai("task", "run", "train", "--grid", "epochs=12:14:1")
    same = document(localhai("task", "resume", "1", "--json"))
    assert [row["counter"] for row in same["executions"]] == [1, 2, 3]
    engine.behave(lambda _container: 0)
    again = localhai("task", "rerun", "1", "--failed", "--json")
    assert again.exit_code == 0
    assert [row["counter"] for row in document(again)["executions"]] == [1, 4, 3]


def test_the_stop_condition_ends_the_task_while_others_run(localhai: Callable[..., Result], engine: FakeEngine) -> None:
    def slow(container: FakeContainer) -> int:
        learn(container)
        container.sleep(60)
        return 0

    engine.behave(slow)
    done = localhai("task", "run", "early", "--json", "--jobs", "9")
    found = document(done)
    assert (done.exit_code, found["status"]) == (0, "complete")
    assert "stop-condition met" in found["error"]
    assert found["statuses"].get("stopped", 0) >= 1


def test_a_task_is_stopped_by_another_call_and_resumed(localhai: Callable[..., Result], engine: FakeEngine) -> None:
    third = threading.Event()

    def slow(container: FakeContainer) -> int:
        if container.parameters["epochs"] == 3:
            third.set()
            container.sleep(60)
        return learn(container)

    engine.behave(slow)
    thread = threading.Thread(target=sweep, args=(localhai, {"start": 1, "end": 6, "step": 1}))
    thread.start()
    assert third.wait(30)
    assert "asked to stop" in localhai("task", "stop", "1").stderr
    thread.join(30)
    assert document(localhai("task", "list", "--json"))[0]["statuses"] == {"complete": 2, "stopped": 1}
    engine.behave(learn)
    done = localhai("task", "resume", "1", "--json")
    assert done.exit_code == 0
    found = document(done)
    assert [row["parameters"]["epochs"] for row in found["executions"]] == [1, 2, 3, 4, 5, 6]
    assert [row["counter"] for row in found["executions"]] == [1, 2, 4, 5, 6, 7]
    assert found["statuses"] == {"complete": 6}


def sweep(localhai: Callable[..., Result], rules: dict[str, int], jobs: int = 1) -> Task:
    project = OpenProject(localhai.home, find_project(localhai.folder), localhai.home.settings)  # type: ignore[attr-defined]
    config, snapshot = project.config(), project.snapshot()
    wish = Wish(name="train", type="grid_search", variants=[("epochs", "linear", rules)])
    plan = build(wish, config.config.steps["train"], seed=1)
    return run_task(TaskStart(project, plan, config, snapshot, Overrides(), project.options(), jobs=jobs))


def test_a_large_sweep_holds_neither_files_nor_memory(localhai: Callable[..., Result]) -> None:
    sweep(localhai, {"start": 1, "end": 12, "step": 1}, jobs=2)  # what is loaded once is loaded
    gc.collect()
    tracemalloc.start()
    files = len(os.listdir("/dev/fd"))
    task = sweep(localhai, {"start": 14, "end": 13 + CHILDREN, "step": 1}, jobs=2)
    gc.collect()
    table = tracemalloc.Filter(inclusive=False, filename_pattern="*/pathlib.py")  # of interned names, which may double
    kept = tracemalloc.take_snapshot().filter_traces([table]).statistics("filename")
    tracemalloc.stop()
    assert task.summary()["statuses"] == {"complete": CHILDREN}
    assert len(os.listdir("/dev/fd")) <= files + 2
    assert sum(item.size for item in kept) < CHILDREN * 4000
    assert threading.active_count() < 10


def test_a_task_of_a_dead_localhai_is_closed_and_goes_on(localhai: Callable[..., Result]) -> None:
    records = localhai.home.records  # type: ignore[attr-defined]
    task = sweep(localhai, {"start": 1, "end": 2, "step": 1})
    records.tasks.resume(task.record.id, replace(own_owner(), pid=2**22 + 1))
    looked = localhai("task", "info", "1", "--json")
    assert document(looked)["status"] == "crashed"
    assert "localhai task resume 1" in looked.stderr
    assert document(localhai("task", "resume", "1", "--json"))["status"] == "complete"


def test_a_resume_waits_for_what_still_runs(localhai: Callable[..., Result]) -> None:
    records = localhai.home.records  # type: ignore[attr-defined]
    task = sweep(localhai, {"start": 1, "end": 2, "step": 1})
    left = records.executions.create(
        task.record.project_id, step="train", image="x", commit=None, document={}, owner=None
    )
    records.tasks.add_child(task.record.id, 1, left.id)
    done = localhai("task", "resume", "1")
    assert (done.exit_code, "still in progress: #3" in done.stderr) == (2, True)


def test_an_image_that_cannot_be_had_is_said_once(localhai: Callable[..., Result], engine: FakeEngine) -> None:
    engine.images = []
    refused = localhai("task", "run", "rates")
    assert refused.exit_code == 4
    assert refused.stderr.count("there is no image python:3.11-slim") == 1
    assert document(localhai("task", "list", "--json")) == []
    assert document(localhai("execution", "list", "--json")) == []
