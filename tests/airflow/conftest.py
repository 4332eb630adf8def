"""A real Airflow with a database of its own, one for all tests; each test has a home and, for most, the real engine.

Collected by `make test-airflow` only, in environments that have an Airflow: elsewhere this folder is passed over.
"""

from __future__ import annotations

import ast
import importlib.util
import logging
import os
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

HERE = Path(__file__).parent
sys.path[:0] = [str(HERE), str(HERE.parent / "support")]
DAGS = HERE / "dags"
ROUTE = "192.0.2.1"  # what this machine looks its own address up by: a datagram socket, to which nothing is sent
_HOME = Path(tempfile.mkdtemp(prefix="localhai-airflow-"))
collect_ignore_glob: list[str] = []

if importlib.util.find_spec("airflow") is None:
    collect_ignore_glob = ["test_*.py"]
else:
    os.environ |= {  # before anything imports airflow: it reads them once
        "AIRFLOW_HOME": str(_HOME),
        "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN": f"sqlite:///{_HOME}/airflow.db",
        "AIRFLOW__CORE__DAGS_FOLDER": str(DAGS),
        "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
        "AIRFLOW__CORE__MIN_SERIALIZED_DAG_UPDATE_INTERVAL": "0",  # tests give one name to several DAGs
        "AIRFLOW__CORE__UNIT_TEST_MODE": "False",
        "AIRFLOW__LOGGING__LOGGING_LEVEL": "INFO",
    }
    from standing_in import platform, remote, web  # noqa: F401  # fixtures


@pytest.fixture(scope="session")
def airflow() -> ModuleType:
    """Airflow with its tables."""
    import airflow
    from airflow.utils.db import initdb

    initdb()
    return airflow


@pytest.fixture(autouse=True)
def _dev(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    """Dev mode, with a home of its own and none of this machine's settings."""
    for name in list(os.environ):
        if name.startswith(("LOCALHAI_", "AWS_", "VH_", "GIT_")):
            monkeypatch.delenv(name)
    monkeypatch.setenv("LOCALHAI_HOME", str(tmp_path_factory.mktemp("home")))
    monkeypatch.setenv("LOCALHAI_MODE", "dev")
    monkeypatch.setenv("LOCALHAI_PROJECTS", f"airflow-tests={HERE / 'project'}")


@pytest.fixture(scope="session")
def _noting() -> ModuleType:
    """The audit hook of `guard`, in this process; audit hooks stay."""
    spec = importlib.util.spec_from_file_location("guard_of_the_tests", HERE / "guard" / "sitecustomize.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def connections(_noting: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[], set[str]]:
    """The hosts that this process and its children asked for since the test began; files of sockets do not count."""
    file = tmp_path / "connections"
    file.touch()
    monkeypatch.setenv(_noting.VARIABLE, str(file))
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(HERE / "guard"), os.environ.get("PYTHONPATH", "")]))

    def hosts() -> set[str]:
        asked = {ast.literal_eval(line.partition(" ")[2]) for line in file.read_text().splitlines()}
        return {str(host) for host in asked if not str(host).startswith("/")} - {ROUTE}

    return hosts


class Lines(logging.Handler):
    """What tasks logged, in order."""

    def __init__(self) -> None:
        super().__init__()
        self.lines: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.lines.append(record.getMessage())
        if record.exc_info:
            self.lines.append(str(record.exc_info[1]))

    @property
    def text(self) -> str:
        return "\n".join(self.lines)


@pytest.fixture
def log() -> Iterator[Lines]:
    """Lines of the loggers of tasks."""
    handler = Lines()
    loggers = [logging.getLogger(name) for name in ("airflow.task", "airflow.task.operators", "airflow.task.hooks")]
    for logger in loggers:
        logger.addHandler(handler)
    yield handler
    for logger in loggers:
        logger.removeHandler(handler)


class Ran:
    """A run of a DAG: its state, and what its tasks pushed."""

    def __init__(self, run: Any) -> None:
        self.run = run
        self.state = str(run.state)
        self.tasks = {(item.task_id, item.map_index): str(item.state) for item in run.get_task_instances()}

    def xcom(self, task: str, key: str = "return_value", map_index: int = -1) -> Any:
        """What a task pushed, None for nothing."""
        asked = {"run_id": self.run.run_id, "key": key, "task_ids": task, "dag_ids": self.run.dag_id}
        try:
            from airflow.models.xcom import XComModel
        except ImportError:  # Airflow 2
            from airflow.models import XCom

            return next((row.value for row in XCom.get_many(**asked, map_indexes=map_index)), None)
        from airflow.utils.session import create_session

        with create_session() as session:
            rows = list(session.scalars(XComModel.get_many(**asked, map_indexes=map_index)))
            return XComModel.deserialize_value(rows[0]) if rows else None


@pytest.fixture
def run_file(airflow: ModuleType) -> Callable[[Path], Ran]:  # noqa: ARG001  # its tables
    """Run the DAG of a file in this process."""
    from localhai.testing.dags import make_known

    def run(file: Path) -> Ran:
        spec = importlib.util.spec_from_file_location(f"dags_{file.stem}", file)
        assert spec is not None
        assert spec.loader is not None
        module = importlib.util.module_from_spec(spec)
        sys.modules[spec.name] = module
        spec.loader.exec_module(module)
        make_known(module.dag)
        return Ran(module.dag.test())

    return run


@pytest.fixture
def run_dag(run_file: Callable[[Path], Ran]) -> Callable[[str], Ran]:
    """Run `dags/NAME.py` in this process."""
    return lambda name: run_file(DAGS / f"{name}.py")
