"""Running DAGs in a test, the same on Airflow 2 and 3."""

from __future__ import annotations

import importlib.util
import os
import sys
import tempfile
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

_PREPARED = pytest.StashKey[bool]()
_BUNDLE = "dags-folder"  # Airflow's own name for what is in DAGS_FOLDER


@dataclass(frozen=True)
class Ran:
    """A run of a DAG: its `state`, and the states of its tasks by (task_id, map_index)."""

    run: Any = field(repr=False)
    state: str
    tasks: dict[tuple[str, int], str]

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


def isolate() -> None:
    """A home and a database of its own for Airflow, which reads these variables once, when it is imported."""
    home = tempfile.mkdtemp(prefix="localhai-airflow-")
    os.environ |= {
        "AIRFLOW_HOME": home,
        "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN": f"sqlite:///{home}/airflow.db",
        "AIRFLOW__CORE__DAGS_FOLDER": home,
        "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
        "AIRFLOW__CORE__MIN_SERIALIZED_DAG_UPDATE_INTERVAL": "0",  # tests give one name to several DAGs
    }


def prepare(config: pytest.Config) -> None:
    """The tables, once; fails the test where Airflow is missing, or would work on somebody's own database."""
    if config.stash.get(_PREPARED, False):
        return
    if importlib.util.find_spec("airflow") is None:
        pytest.fail('run_dag needs Airflow: pip install "apache-airflow>=2.10,<4"', pytrace=False)
    if not config.getini("localhai_airflow"):
        if "airflow" in sys.modules:
            pytest.fail(
                "Airflow was imported with its own home: write `localhai_airflow = true` into pytest's settings",
                pytrace=False,
            )
        isolate()
    from airflow.utils.db import initdb

    initdb()
    config.stash[_PREPARED] = True


def run(dag: Any) -> Ran:
    """A DAG, or the file with this path: its only DAG. Raises ValueError where it has none or several."""
    made = _load(Path(dag)) if isinstance(dag, (str, Path)) else dag
    make_known(made)
    done = made.test()
    tasks = {(item.task_id, item.map_index): str(item.state) for item in done.get_task_instances()}
    return Ran(done, str(done.state), tasks)


def make_known(dag: Any) -> None:
    """Write a DAG into Airflow's database: Airflow 3 runs no other, and finds only files of DAGS_FOLDER by itself."""
    if importlib.util.find_spec("airflow.sdk") is None:
        return
    try:
        from airflow.dag_processing.dagbag import DagBag, sync_bag_to_db
    except ImportError:  # Airflow 3.1
        from airflow.models.dagbag import DagBag, sync_bag_to_db
    from airflow.models.dagbundle import DagBundleModel
    from airflow.utils.session import create_session

    with create_session() as session:
        session.merge(DagBundleModel(name=_BUNDLE))
    bag = DagBag(os.devnull)
    bag.bag_dag(dag)
    sync_bag_to_db(bag, _BUNDLE, None)


def _load(path: Path) -> Any:
    from airflow.models.dag import DAG

    spec = importlib.util.spec_from_file_location(f"localhai_dag_{path.stem}", path)
    if spec is None or spec.loader is None:
        raise ValueError(f"{path} is no Python file")
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    kinds: tuple[Any, ...] = (DAG,)  # Airflow 3 has two
    if importlib.util.find_spec("airflow.sdk"):
        from airflow.sdk import DAG as SDK_DAG

        kinds = (DAG, SDK_DAG)
    found = {item.dag_id: item for item in vars(module).values() if isinstance(item, kinds)}
    if len(found) != 1:
        raise ValueError(f"{path} has {len(found)} DAGs, one is needed: {', '.join(found) or 'none'}")
    return next(iter(found.values()))
