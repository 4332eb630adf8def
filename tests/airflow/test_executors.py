"""By a real scheduler, SequentialExecutor or LocalExecutor: a pipeline as a DAG, and a task that is ended by hand.

CeleryExecutor has a test of its own (tests/cluster).
"""

from __future__ import annotations

import os
import signal
import socket
import sqlite3
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import airflow
import pytest
from conftest import DAGS, HERE
from waiting import until

from localhai.containers import labels
from localhai.executions.execution import Execution
from localhai.executions.home import Home
from localhai.settings import Settings

pytestmark = pytest.mark.docker

IS_2 = airflow.__version__.startswith("2.")
EXECUTOR = "SequentialExecutor" if IS_2 else "LocalExecutor"  # Airflow 2 has no LocalExecutor on SQLite
PATIENCE = 240.0  # seconds; a bound for what takes twenty on a machine that does nothing else


class Running:
    """An Airflow with its processes."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        with socket.socket() as listener:
            listener.bind(("127.0.0.1", 0))
            port = listener.getsockname()[1]
        address = f"http://127.0.0.1:{port}"
        self.environment = {
            **os.environ,
            "PATH": os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", "")]),
            "AIRFLOW_HOME": str(folder),
            "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN": f"sqlite:///{folder}/airflow.db",
            "AIRFLOW__CORE__EXECUTOR": EXECUTOR,
            "AIRFLOW__CORE__PARALLELISM": "2",
            "AIRFLOW__CORE__DAGS_FOLDER": str(DAGS),
            "AIRFLOW__CORE__DAGS_ARE_PAUSED_AT_CREATION": "False",
            "AIRFLOW__CORE__EXECUTION_API_SERVER_URL": f"{address}/execution/",
            "AIRFLOW__API__PORT": str(port),
            "AIRFLOW__API__BASE_URL": address,
            "AIRFLOW__API__WORKERS": "1",
            "AIRFLOW__API_AUTH__JWT_SECRET": "a secret of the tests, " * 4,
            "AIRFLOW__LOGGING__WORKER_LOG_SERVER_PORT": "0",
            "AIRFLOW__LOGGING__TRIGGER_LOG_SERVER_PORT": "0",
            "AIRFLOW__SCHEDULER__STANDALONE_DAG_PROCESSOR": "False",
            "LOCALHAI_MODE": "dev",
            "LOCALHAI_PROJECTS": str(HERE / "scheduled"),
            "LOCALHAI_HOME": str(folder / "localhai"),
        }
        self._processes: dict[str, subprocess.Popen[bytes]] = {}

    def command(self, *words: str) -> None:
        done = subprocess.run(
            [sys.executable, "-m", "airflow", *words], env=self.environment, capture_output=True, check=False
        )
        assert done.returncode == 0, (done.stdout + done.stderr).decode()[-3000:]

    def start(self, *words: str) -> None:
        with (self.folder / f"{words[0]}.log").open("wb") as log:
            command = [sys.executable, "-m", "airflow", *words]
            process = subprocess.Popen(command, env=self.environment, stdout=log, stderr=log, start_new_session=True)
        self._processes[words[0]] = process

    def stop(self) -> None:
        for number in (signal.SIGTERM, signal.SIGKILL):
            for process in self._processes.values():
                try:
                    os.killpg(process.pid, number)
                except ProcessLookupError:
                    continue
                if number is signal.SIGTERM:
                    try:
                        process.wait(20)
                    except subprocess.TimeoutExpired:
                        continue
        for process in self._processes.values():
            process.wait()

    @contextmanager
    def halted(self, name: str) -> Iterator[None]:
        """Inside, one of its processes does nothing."""
        os.killpg(self._processes[name].pid, signal.SIGSTOP)
        try:
            yield
        finally:
            os.killpg(self._processes[name].pid, signal.SIGCONT)

    def ask(self, sql: str, *values: str) -> list[tuple[Any, ...]]:
        database = sqlite3.connect(self.folder / "airflow.db", timeout=30)
        try:
            with database:
                return database.execute(sql, values).fetchall()
        finally:
            database.close()

    def ran(self, dag: str) -> tuple[str, dict[str, str]]:
        """The state of a DAG's only run once it has ended, and those of its tasks."""
        ended = ("SELECT state FROM dag_run WHERE dag_id = ? AND state IN ('success', 'failed')", dag)
        self.until(lambda: bool(self.ask(*ended)))
        return self.ask(*ended)[0][0], dict(self.ask("SELECT task_id, state FROM task_instance WHERE dag_id = ?", dag))

    def until(self, reached: Callable[[], bool]) -> None:
        def look() -> bool:
            assert all(process.poll() is None for process in self._processes.values()), self.said()
            return reached()

        until(look, seconds=PATIENCE, said=self.said)

    def said(self) -> str:
        logs = [*self.folder.glob("*.log"), *self.folder.glob("logs/dag_id=*/*/*/*.log")]
        return "\n".join(f"--- {path}\n{path.read_text(errors='replace')[-3000:]}" for path in logs)


@contextmanager
def running(folder: Path) -> Iterator[Running]:
    found = Running(folder)
    found.command("db", "migrate")
    try:
        for name in ("scheduler", "triggerer") if IS_2 else ("api-server", "dag-processor", "scheduler", "triggerer"):
            found.start(name)
        found.until(lambda: bool(found.ask("SELECT dag_id FROM serialized_dag WHERE dag_id = 'marked'")))
        yield found
    finally:
        found.stop()


@pytest.fixture(scope="module")
def scheduled(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    """One for all tests here: its processes take longer to start than what they run."""
    with running(tmp_path_factory.mktemp("scheduled")) as found:
        yield found


def test_a_pipeline_by_the_scheduler(scheduled: Running) -> None:
    scheduled.command("dags", "trigger", "handing-on")
    scheduled.command("dags", "trigger", "stopping")
    assert scheduled.ran("handing-on") == ("success", {"make": "success", "use": "success"}), scheduled.said()
    state, tasks = scheduled.ran("stopping")
    assert (state, tasks["fails"]) == ("failed", "failed"), scheduled.said()
    assert tasks["after"] == "upstream_failed"
    assert tasks["long"] == "failed"  # side by side it is stopped; one after the other it does not begin


def test_a_running_task_that_is_marked_as_failed_takes_its_container_along(scheduled: Running) -> None:
    """As the button in Airflow's pages does: the task's process hears of it at its next heartbeat."""
    scheduled.command("dags", "trigger", "marked")
    with Home(Settings.load(flags={"home": scheduled.folder / "localhai"})) as home:

        def newest() -> Execution | None:
            return next((found for found in home.executions() if found.record.step == "long"), None)

        def container_is(there: bool) -> bool:
            found = newest()
            return found is not None and bool(home.engine.containers({labels.EXECUTION: found.id})) is there

        scheduled.until(lambda: (found := newest()) is not None and found.status == "started" and container_is(True))
        marked = newest()
        scheduled.ask("UPDATE task_instance SET state = 'failed' WHERE dag_id = 'marked'")
        scheduled.until(lambda: container_is(False) and home.execution(marked.id).status == "stopped")
    assert scheduled.ran("marked") == ("failed", {"long": "failed"})


class Deferred:
    """A run of a DAG with three deferrable tasks that go on until they are stopped."""

    def __init__(self, scheduled: Running, home: Home, dag: str) -> None:
        self._scheduled = scheduled
        self._home = home
        self._dag = dag

    def statuses(self) -> dict[str, str]:
        found = {str(item.record.title): item.status for item in self._home.executions()}
        return {title.split()[1]: status for title, status in found.items() if title.startswith(f"{self._dag} ")}

    def begin(self) -> None:
        """Comes back once all are deferred and run."""
        self._scheduled.command("dags", "trigger", self._dag)
        waiting = "SELECT count(*) FROM task_instance WHERE dag_id = ? AND state = 'deferred'"
        self._scheduled.until(lambda: self._scheduled.ask(waiting, self._dag) == [(3,)])
        self.until_they_are(one="started", two="started", three="started")

    def mark(self, task: str, state: str) -> None:
        """As a person does. Airflow's clean-up, once a second, takes the trigger from what is not deferred."""
        mark = "UPDATE task_instance SET state = ?, trigger_id = NULL WHERE dag_id = ? AND task_id = ?"
        self._scheduled.ask(mark, state, self._dag, task)

    def until_they_are(self, **statuses: str) -> None:
        self._scheduled.until(lambda: self.statuses() == statuses)

    def end(self) -> None:
        self.mark("three", "failed")
        self.until_they_are(one="stopped", two="stopped", three="stopped")
        assert not [it for it in self._home.executions() if self._home.engine.containers({labels.EXECUTION: it.id})]


@contextmanager
def deferred(scheduled: Running, dag: str) -> Iterator[Deferred]:
    with Home(Settings.load(flags={"home": scheduled.folder / "localhai"})) as home:
        yield Deferred(scheduled, home, dag)


def test_deferred_tasks_that_are_marked_take_their_containers_along(scheduled: Running) -> None:
    """Two at once, the first that this triggerer hears of; a third goes on until its turn comes."""
    with deferred(scheduled, "marked-deferred") as tasks:
        tasks.begin()
        tasks.mark("one", "failed")
        tasks.mark("two", "success")
        tasks.until_they_are(one="stopped", two="stopped", three="started")
        tasks.end()


def test_deferred_tasks_that_no_triggerer_heard_of_take_their_containers_along(scheduled: Running) -> None:
    """They are marked before their triggers begin, so that nothing is cancelled: the third one's trigger sees to it."""
    with deferred(scheduled, "marked-unseen") as tasks:
        with scheduled.halted("triggerer"):
            tasks.begin()
            tasks.mark("one", "failed")
            tasks.mark("two", "success")
        tasks.until_they_are(one="stopped", two="stopped", three="started")
        tasks.end()
