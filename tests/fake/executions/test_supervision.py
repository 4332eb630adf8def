"""An engine that is slow, refuses or goes away: what runs is stopped all the same, and never removed for it."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any

import pytest
from waiting import until

from localhai.app.open_project import OpenProject
from localhai.app.recover import recover
from localhai.errors import EngineLost, Interrupted, SurroundingsError
from localhai.executions.home import Home
from localhai.executions.run import recovery, stop, supervise
from localhai.executions.run.stop import Interruption
from localhai.executions.run.supervise import ContactLost
from localhai.settings import Settings
from localhai.testing import FakeEngine

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from localhai.app.open_project import OpenProject
    from localhai.testing import FakeContainer

YAML = "- step: {name: train, image: 'python:3.11-slim', command: python train.py%s}\n"


class Engine(FakeEngine):
    """Refuses what a test says, as often as it says."""

    def __init__(self) -> None:
        super().__init__()
        self.refusals: dict[str, list[Exception]] = {}
        self.hangs: dict[str, threading.Event] = {}
        self.calls: list[str] = []

    def _come_here(self, name: str) -> None:
        self.calls.append(name)
        if name in self.hangs:
            self.hangs[name].wait()
        if self.refusals.get(name):
            raise self.refusals[name].pop()

    def stop(self, container: str, grace: float) -> None:
        self._come_here("stop")
        super().stop(container, grace)

    def kill(self, container: str, signal: str = "SIGKILL") -> None:
        self._come_here("kill")
        super().kill(container, signal)

    def wait(self, container: str, timeout: float | None = None) -> int | None:
        self._come_here("wait")
        return super().wait(container, timeout)

    def state(self, container: str) -> Any:
        self._come_here("state")
        return super().state(container)


@pytest.fixture
def engine() -> Iterator[Engine]:
    made = Engine()
    yield made
    for event in made.hangs.values():
        event.set()
    made.close()


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(supervise, "LOOK", 0.02)
    monkeypatch.setattr(stop, "SLOW_LOOK", 0.05)
    monkeypatch.setattr(stop, "AGAIN", 0.02)
    monkeypatch.setattr(stop, "LATER", 0.1)
    monkeypatch.setattr(stop, "INSIST", 0.1)


@pytest.fixture
def project(tmp_path: Path, engine: Engine) -> Iterator[OpenProject]:
    folder = tmp_path / "news"
    folder.mkdir()
    (folder / "valohai.yaml").write_text(YAML % "")
    settings = Settings(home=tmp_path / "home", stop_grace=0.2)
    with OpenProject.at(folder, home=Home(settings, engine=engine)) as opened:
        yield opened


def runs_on(container: FakeContainer) -> int:
    container.out("ready\n")
    while True:
        container.sleep(1)


def deaf(container: FakeContainer) -> int:
    container.out("ready\n")
    until(lambda: not container.running)
    return 0


def limited(project: OpenProject) -> None:
    (project.folder.path / "valohai.yaml").write_text(YAML % ", time-limit: 1s")


def test_a_stop_that_the_engine_refused_is_tried_again(project, engine) -> None:
    limited(project)
    engine.behave(runs_on)
    engine.refusals["stop"] = [SurroundingsError("busy"), EngineLost("away")]
    execution = OpenProject.at(project.folder.path, home=project.home).run("train")
    assert (execution.status, execution.exit_code) == ("error", 143)
    assert engine.calls.count("stop") == 3


def test_what_does_not_end_is_killed_by_our_own_clock(project, engine) -> None:
    """The engine hears the stop and never comes back from it."""
    limited(project)
    engine.behave(runs_on)
    engine.hangs["stop"] = threading.Event()
    execution = OpenProject.at(project.folder.path, home=project.home).run("train")
    assert (execution.status, execution.exit_code) == ("error", 137)


def test_a_kill_that_was_refused_is_tried_again(project, engine) -> None:
    limited(project)
    engine.behave(deaf)
    engine.hangs["stop"] = threading.Event()
    engine.refusals["kill"] = [EngineLost("away"), EngineLost("away")]
    execution = OpenProject.at(project.folder.path, home=project.home).run("train")
    assert (execution.status, execution.exit_code) == ("error", 137)


def test_looking_for_live_outputs_delays_no_limit(project, engine, monkeypatch) -> None:
    limited(project)
    engine.behave(runs_on)
    slow = threading.Event()
    monkeypatch.setattr("localhai.containers.trees.bind.BindTree.read_only_outputs", lambda *_: slow.wait() and [])
    wish = Interruption()

    def later() -> None:
        until(lambda: "stop" in engine.calls)
        slow.set()

    threading.Thread(target=later).start()
    execution = OpenProject.at(project.folder.path, home=project.home).run("train", interruption=wish)
    assert execution.error == "the time limit of 1 s was reached"


def test_any_number_of_losses_is_survived(project, engine) -> None:
    """A healthy container is not killed for an engine that comes and goes."""
    lost = 25

    def step(container: FakeContainer) -> int:
        while engine.calls.count("wait") <= lost:
            container.sleep(0.01)
        container.out("done\n")
        return 0

    engine.behave(step)
    engine.refusals["wait"] = [EngineLost("a blink")] * lost
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(supervise, "MOST_PAUSE", 0.01)
        execution = project.run("train")
    assert (execution.status, execution.logs()) == ("complete", "done\n")


def test_limits_are_heard_while_the_engine_is_away(project, engine) -> None:
    limited(project)
    engine.behave(runs_on)
    away = [EngineLost("away")]
    engine.refusals["wait"] = away * 1
    engine.hangs["state"] = threading.Event()

    def come_back() -> None:
        until(lambda: "stop" in engine.calls)
        engine.hangs["state"].set()

    threading.Thread(target=come_back).start()
    execution = OpenProject.at(project.folder.path, home=project.home).run("train")
    assert (execution.status, execution.error) == ("error", "the time limit of 1 s was reached")


def test_contact_that_is_lost_leaves_what_runs_to_the_next_localhai(project, engine, monkeypatch) -> None:
    goes_on = threading.Event()

    def step(container: FakeContainer) -> int:
        container.out("before\n")
        engine.lose()
        goes_on.wait()
        container.out("after\n")
        return 0

    engine.behave(step)
    monkeypatch.setattr(supervise, "RETURN_OF_ENGINE", 0.1)
    with pytest.raises(ContactLost, match="the engine was lost"):
        project.run("train")
    execution = project.execution()
    assert execution.status == "started"

    engine._lost = None  # the engine is back, and the container never noticed
    goes_on.set()
    assert engine.wait(execution.record.container_id or "") == 0
    recover(project.home, lambda _line: None)
    execution.refresh()
    assert (execution.status, execution.logs()) == ("complete", "before\nafter\n")


def test_a_wish_to_stop_outlives_the_contact(project, engine, monkeypatch) -> None:
    engine.behave(runs_on)
    monkeypatch.setattr(supervise, "RETURN_OF_ENGINE", 0.3)
    wish = Interruption()

    def interrupt() -> None:
        until(lambda: "wait" in engine.calls)
        engine.lose()
        wish.ask()

    threading.Thread(target=interrupt).start()
    with pytest.raises(ContactLost):
        project.run("train", interruption=wish)
    engine._lost = None
    record = project.execution().record
    assert (record.status, record.stop_requested is not None) == ("stopping", True)
    closed = recovery.adopt(project.home, record.id, dropped=True)
    assert closed is not None
    assert closed.status == "stopped"


def test_a_slow_engine_does_not_hide_the_second_ctrl_c(project, engine, monkeypatch) -> None:
    """The container has ended, and the engine hangs when it is asked how."""
    monkeypatch.setattr(supervise, "FORCED", 0.1)
    monkeypatch.setattr(supervise, "RETURN_OF_ENGINE", 0.3)
    engine.behave(lambda _container: 0)
    engine.hangs["state"] = threading.Event()
    wish = Interruption()

    def interrupt() -> None:
        until(lambda: "state" in engine.calls)
        wish.ask()
        wish.ask()

    threading.Thread(target=interrupt).start()
    with pytest.raises(ContactLost):
        project.run("train", interruption=wish)


def test_a_stop_from_elsewhere_is_heard_before_the_container_runs(tmp_path: Path) -> None:
    over = threading.Event()

    class Silent(FakeEngine):
        def pull(self, reference: str, progress: Any = None) -> Any:
            project.home.records.executions.request_stop(project.execution().id)
            over.wait(60)
            return super().pull(reference, progress)

    engine = Silent(images=(), pullable=("python:3.11-slim",))
    (tmp_path / "valohai.yaml").write_text(YAML % "")
    try:
        with OpenProject.at(tmp_path, home=Home(Settings(home=tmp_path / "home"), engine=engine)) as project:
            with pytest.raises(Interrupted):
                project.run("train")
            assert project.execution().status == "stopped"
    finally:
        over.set()
        engine.close()
