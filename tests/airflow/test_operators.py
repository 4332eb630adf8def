"""The operators in a real Airflow, by `dag.test()`, with real Docker."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from contextlib import suppress
from datetime import datetime, timezone
from pathlib import Path
from types import ModuleType
from urllib.request import urlopen

import pytest
from conftest import DAGS
from waiting import until

from localhai.containers.docker.connect import connect
from localhai.executions.home import Home

pytestmark = pytest.mark.docker


def containers_of(home: Home) -> list[str]:
    """Names of containers of the executions of a home that are still there."""
    ids = [execution.id for execution in home.executions()]
    engine = connect()
    found = [state.name for key in ids for state in engine.containers({"localhai.execution": key})]
    engine.close()
    return found


@pytest.mark.essential
def test_outputs_of_one_task_reach_the_next(run_dag, log, capfd):
    ran = run_dag("passing")

    assert ran.state == "success"
    made = ran.xcom("make")
    assert made["status"] == "complete"
    assert made["parameters"] == {"count": 3}
    assert made["tags"] == ["nightly"]
    [output] = made["outputs"]
    assert set(output) == {"name", "ctime", "size", "id", "uri", "url"}
    with urlopen(output["url"]) as opened:  # noqa: S310  # a file of this test
        assert opened.read() == b"line 1\nline 2\nline 3\n"
    [used] = ran.xcom("use")["inputs"]
    assert used["name"] == "data"
    got = Path(os.environ["AIRFLOW_HOME"], "got", "copy of lines.txt")
    assert got.read_bytes() == b"line 1\nline 2\nline 3\n"
    said = "".join(capfd.readouterr()) + log.text  # Airflow 2 and 3 log in ways of their own
    ours = said[said.index("localhai: ") :]
    assert ours.startswith("localhai: dev mode, because LOCALHAI_MODE=dev")
    assert "the working tree of" in ours
    assert "making 3" in ours


def test_a_second_run_takes_its_own_outputs(run_dag):
    first, second = run_dag("passing"), run_dag("passing")

    assert second.state == "success"
    used = second.xcom("use")["inputs"][0]["urls"]
    assert used == [f"datum://{second.xcom('make')['outputs'][0]['id']}"]
    assert first.xcom("make")["id"] != second.xcom("make")["id"]


def test_dags_of_the_original_plugin_run_as_they_are(run_dag):
    ran = run_dag("original_names")

    assert ran.state == "success", ran.tasks
    assert ran.xcom("use")["environment"] == {"name": "azure-westeurope-f2sv2"}


@pytest.mark.essential
def test_mapped_deferred_pipeline_and_sensor(run_dag):
    ran = run_dag("one_of_each")

    assert ran.state == "success", ran.tasks
    assert [ran.xcom("mapped", map_index=index)["parameters"] for index in (0, 1)] == [{"count": 1}, {"count": 2}]
    assert [item["name"] for item in ran.xcom("deferred")["outputs"]] == ["lines.txt"]
    nodes = ran.xcom("pipeline")["nodes"]
    assert [(node["name"], node["status"]) for node in nodes] == [("make", "complete"), ("use", "complete")]
    assert ran.xcom("noop", "valohai_execution_url").startswith("file:///")


@pytest.mark.essential
def test_failures_say_what_and_why(run_dag, log, capfd):
    ran = run_dag("failing")

    assert ran.state == "failed"
    said = log.text + "".join(capfd.readouterr())
    assert "exit code 3" in said
    assert "the last words" in said
    assert "no folder is known for the project 'nowhere'" in said
    assert ran.tasks[("no_step", -1)] == "failed"
    with Home() as home:
        by_step = {execution.step: execution.status for execution in home.executions()}
        assert by_step == {"fail": "error"}


def test_a_task_that_takes_too_long_leaves_no_container(run_dag):
    from airflow.exceptions import AirflowTaskTimeout

    with suppress(AirflowTaskTimeout):  # Airflow 2 lets it through
        assert run_dag("too_long").state == "failed"
    with Home() as home:
        assert [execution.status for execution in home.executions()] == ["stopped"]
        assert containers_of(home) == []


@pytest.mark.essential
def test_on_kill_stops_the_container_within_seconds(airflow):  # noqa: ARG001  # its tables
    from airflow import DAG

    from localhai.airflow.operators.submit_execution import ValohaiSubmitExecutionOperator
    from localhai.airflow.platform import Watcher

    with DAG("killed", start_date=datetime(2024, 1, 1, tzinfo=timezone.utc), schedule=None):
        operator = ValohaiSubmitExecutionOperator(task_id="long", project_name="airflow-tests", step="long")
    operator._platform = operator.get_hook().platform()
    told: list[BaseException] = []

    def execute() -> None:
        try:
            operator.finish(operator._platform.run(operator.request({}), Watcher()), operator._platform, {})
        except BaseException as error:  # noqa: BLE001  # looked at below
            told.append(error)

    thread = threading.Thread(target=execute)
    thread.start()
    with Home() as home:
        until(lambda: told or any("started" in item.logs() for item in home.executions()))
        operator.on_kill()
        thread.join(20)
        assert not thread.is_alive()
        assert "stopped" in str(told)
        [execution] = home.executions()
        assert execution.status == "stopped"
        assert containers_of(home) == []


def test_a_worker_that_gets_sigterm_leaves_no_container(airflow: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    """As Airflow 2 ends a task: by a signal to its process."""
    if not airflow.__version__.startswith("2."):
        pytest.skip("`airflow tasks test` of Airflow 3 handles no signals")
    monkeypatch.setenv("AIRFLOW__CORE__DAGS_FOLDER", str(DAGS / "long.py"))
    words = ["-m", "airflow", "tasks", "test", "long", "step", "2024-01-01"]
    process = subprocess.Popen(
        [sys.executable, *words], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, start_new_session=True
    )
    with Home() as home:

        def started() -> bool:
            assert process.poll() is None, process.communicate()[0]
            return any("started" in item.logs() for item in home.executions())

        until(started)
        process.terminate()
        said = process.communicate(timeout=60)[0]
        assert "the task is ended; stopping" in said
        [execution] = home.executions()
        assert execution.status == "stopped", said
        assert containers_of(home) == []
