"""Operators as tasks of small DAGs, on a platform without Docker."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from datetime import datetime, timedelta, timezone
from types import ModuleType
from typing import Any

import pytest

Make = Callable[..., Any]
PROJECT: dict[str, Any] = {"project_name": "airflow-tests"}


@pytest.fixture
def run(airflow: ModuleType, fake_valohai: Any) -> Make:  # noqa: ARG001  # its tables, and no Docker
    """Run a DAG of one task, or of what a function makes in it."""
    from airflow import DAG

    from localhai.testing.dags import run as run_made

    def made(kind: Any, **arguments: Any) -> Any:
        start = datetime(2024, 1, 1, tzinfo=timezone.utc)
        with DAG("small", start_date=start, schedule=None, catchup=False) as dag:
            kind(task_id="task", **arguments)
        return run_made(dag)

    return made


@pytest.mark.essential
def test_templates_in_every_field(run: Make, fake_valohai: Any) -> None:
    from localhai.airflow import ValohaiSubmitExecutionOperator

    ran = run(
        ValohaiSubmitExecutionOperator,
        project_name="{{ 'airflow' }}-tests",
        step="{{ 'use' }}",
        inputs={"data": ["{{ 'file:///etc/' ~ 'hostname' }}"]},
        environment="{{ dag.dag_id }}-machine",
        tags=["{{ task.task_id }}"],
        title="{{ run_id }}",
        time_limit="{{ 60 * 2 }}",
        valohai_conn_id="valohai_{{ 'default' }}",
    )

    assert ran.state == "success", ran.tasks
    execution = fake_valohai.execution("use")
    document = execution.to_dict()
    assert (document["title"], document["environment"]) == (ran.run.run_id, "small-machine")
    assert "task" in document["tags"]
    assert execution.plan().limits.time_limit == 120
    assert [file["uri"] for item in execution.inputs for file in item["files"]] == ["file:///etc/hostname"]


def test_a_callable_gets_the_context(run: Make, fake_valohai: Any) -> None:
    from localhai.airflow import ValohaiSubmitExecutionOperator

    count = {"count": lambda context: len(context["ti"].task_id)}
    assert run(ValohaiSubmitExecutionOperator, **PROJECT, step="make", parameters=count).state == "success"
    assert fake_valohai.execution("make").parameters == {"count": 4}


@pytest.mark.parametrize("deferrable", [False, pytest.param(True, marks=pytest.mark.essential)])
def test_a_pipeline_with_a_task_of_valohai(run: Make, fake_valohai: Any, deferrable: bool) -> None:
    from localhai.airflow import ValohaiSubmitPipelineOperator

    ran = run(ValohaiSubmitPipelineOperator, **PROJECT, pipeline="sweep", deferrable=deferrable, polling_interval=0.1)

    assert ran.state == "success", ran.tasks
    assert sorted(item.parameters["count"] for item in fake_valohai.executions) == [1, 2, 3]
    [node] = ran.xcom("task")["nodes"]
    assert (node["name"], node["type"], node["status"]) == ("many", "task", "complete")


@pytest.mark.parametrize("deferrable", [False, True])
def test_a_failure_has_the_exit_code_and_the_last_lines(
    run: Make, fake_valohai: Any, log: Any, capfd: Any, deferrable: bool
) -> None:
    from localhai.airflow import ValohaiSubmitExecutionOperator

    fake_valohai.step("make", log="one\nthe last words", exit_code=7)
    options = {"deferrable": deferrable, "polling_interval": 0.1}
    assert run(ValohaiSubmitExecutionOperator, **PROJECT, step="make", **options).state == "failed"
    said = log.text + "".join(capfd.readouterr())
    assert "exit code 7" in said
    assert "Its last lines:" in said
    assert "  the last words" in said


def test_another_try_helps_where_the_step_was_at_fault(run: Make, fake_valohai: Any) -> None:
    from localhai.airflow import ValohaiSubmitExecutionOperator

    fake_valohai.fail("make", status="crashed")
    tries = {"retries": 1, "retry_delay": timedelta(0)}
    assert run(ValohaiSubmitExecutionOperator, **PROJECT, step="make", **tries).state == "success"
    assert [item.status for item in fake_valohai.executions] == ["crashed", "complete"]


def test_no_other_try_where_the_dag_is_wrong(run: Make, fake_valohai: Any) -> None:
    from localhai.airflow import ValohaiSubmitExecutionOperator

    tries = {"retries": 1, "retry_delay": timedelta(0)}
    ran = run(ValohaiSubmitExecutionOperator, **PROJECT, step="make", parameters={"count": "many"}, **tries)
    assert ran.state == "failed"
    [task] = ran.run.get_task_instances()
    assert task.try_number == 1
    assert fake_valohai.executions == []


def test_a_lost_engine_and_one_that_comes_back(run: Make, fake_valohai: Any) -> None:
    from localhai.airflow import ValohaiSubmitExecutionOperator

    fake_valohai.lose_engine()
    assert run(ValohaiSubmitExecutionOperator, **PROJECT, step="make").state == "failed"
    fake_valohai.come_back()
    assert run(ValohaiSubmitExecutionOperator, **PROJECT, step="make").state == "success"


def test_what_is_delayed_meets_the_timeout(run: Make, fake_valohai: Any) -> None:
    from localhai.airflow import ValohaiSubmitExecutionOperator
    from localhai.airflow.compat import AirflowTaskTimeout

    fake_valohai.delay("make", 600)
    limit = {"execution_timeout": timedelta(seconds=2)}
    with suppress(AirflowTaskTimeout):  # Airflow 2 lets it through
        assert run(ValohaiSubmitExecutionOperator, **PROJECT, step="make", **limit).state == "failed"
    assert [item.status for item in fake_valohai.executions] == ["stopped"]


def test_a_server_that_is_busy_too_often(run: Make, fake_valohai: Any, log: Any, capfd: Any) -> None:
    from localhai.airflow import ValohaiSubmitExecutionOperator

    fake_valohai.api_error(503, times=6)
    assert run(ValohaiSubmitExecutionOperator, **PROJECT, step="make").state == "failed"
    assert "POST executions/ at the fake platform: 503" in log.text + "".join(capfd.readouterr())


def test_a_sensor_fails_with_what_it_waited_for(run: Make, fake_valohai: Any, log: Any, capfd: Any) -> None:
    from localhai.airflow import ValohaiExecutionSensor, ValohaiSubmitExecutionOperator

    fake_valohai.step("make", log="the last words", exit_code=1)
    run(ValohaiSubmitExecutionOperator, **PROJECT, step="make")
    capfd.readouterr()
    [execution] = fake_valohai.executions

    assert run(ValohaiExecutionSensor, execution_id=execution.id, poke_interval=0.1).state == "failed"
    said = log.text + "".join(capfd.readouterr())
    assert "(make) ended as error" in said
    assert "the last words" in said


@pytest.mark.parametrize("missing", [True, False])
def test_an_output_that_is_not_there(run: Make, missing: bool) -> None:
    from localhai.airflow import ValohaiDownloadExecutionOutputsOperator, ValohaiSubmitExecutionOperator

    def both(task_id: str) -> None:
        made = ValohaiSubmitExecutionOperator(task_id="made", **PROJECT, step="noop")
        options = {"output_name_pattern": r".*\.pb", "fail_if_missing": missing}
        made >> ValohaiDownloadExecutionOutputsOperator(task_id=task_id, output_task=made, **options)

    assert run(both).state == ("failed" if missing else "success")


def test_the_first_line_says_the_mode_of_the_connection(
    run: Make, monkeypatch: pytest.MonkeyPatch, log: Any, capfd: Any
) -> None:
    from localhai.airflow import ValohaiSubmitExecutionOperator

    monkeypatch.delenv("LOCALHAI_MODE")
    extra = '{"conn_type": "valohai", "extra": {"mode": "dev"}}'
    monkeypatch.setenv("AIRFLOW_CONN_VALOHAI_DEFAULT", extra)
    assert run(ValohaiSubmitExecutionOperator, **PROJECT, step="noop").state == "success"
    said = log.text + "\n" + "".join(capfd.readouterr())
    first = next(line for line in said.splitlines() if "localhai: " in line)
    assert "dev mode, because the connection's extra says mode dev" in first


@pytest.mark.essential
def test_the_first_line_comes_before_what_fails(
    run: Make, monkeypatch: pytest.MonkeyPatch, log: Any, capfd: Any
) -> None:
    """Remote mode without a connection: the log says which mode that is, and why."""
    from localhai.airflow import ValohaiSubmitExecutionOperator

    monkeypatch.setenv("LOCALHAI_MODE", "remote")
    assert run(ValohaiSubmitExecutionOperator, **PROJECT, step="noop", valohai_conn_id="nowhere").state == "failed"
    said = log.text + "\n" + "".join(capfd.readouterr())
    first = next(line for line in said.splitlines() if "localhai: " in line)
    assert "localhai: remote mode, because LOCALHAI_MODE=remote: executions run on the platform" in first
