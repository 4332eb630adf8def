"""The same DAGs on the platform: a stand-in over https with a certificate of its own, and the real one with a token."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from standing_in import PROJECT, TOKEN, Platform, connect

from localhai.airflow.rest import RETRY
from localhai.system.retry import Retry

Run = Callable[[str], Any]
Connections = Callable[[], set[str]]


@pytest.mark.essential
@pytest.mark.usefixtures("remote")
def test_the_very_same_dag_runs_on_the_platform(platform: Platform, run_dag: Run, log: Any, capfd: Any) -> None:
    ran = run_dag("passing")

    assert ran.state == "success", ran.tasks
    first, second = platform.posted("executions")
    assert (first["step"], first["commit"], first["parameters"]) == ("make", "abc", {"count": "3"})
    assert second["inputs"] == {"data": ["datum://d1"]}
    task = f"airflow:passing/{ran.run.run_id}/make"
    mark = first["tags"][1]
    assert mark.startswith("airflow:until-try-1-")
    assert (first["tags"], platform.posted("executions/e1/tags")) == ([task, mark], [{"tags": ["nightly", task, mark]}])
    assert {token for *_, token in platform.calls} == {f"Token {TOKEN}"}
    made = ran.xcom("make")
    assert made["id"] == "e1"
    assert made["tags"] == ["nightly"]
    assert [set(output) for output in made["outputs"]] == [{"name", "ctime", "size", "id", "uri", "url"}]
    assert ran.xcom("make", "valohai_execution_url") == f"{platform.address}/p/e1"
    got = Path(os.environ["AIRFLOW_HOME"], "got", "copy of lines.txt")
    assert got.read_bytes() == b"line 1\nline 2\n"
    said = "".join(capfd.readouterr()) + log.text
    assert "remote mode, because LOCALHAI_MODE is not set" in said
    assert "hello from e1" in said


@pytest.mark.usefixtures("remote")
def test_pipeline_mapped_deferred_and_sensor_on_the_platform(platform: Platform, run_dag: Run) -> None:
    ran = run_dag("one_of_each")

    assert ran.state == "success", ran.tasks
    [pipeline] = platform.posted("pipelines")
    assert pipeline["project"] == PROJECT
    assert pipeline["title"] == "both"
    assert [(node["name"], node["type"]) for node in pipeline["nodes"]] == [("make", "execution"), ("use", "execution")]
    assert [node["template"]["commit"] for node in pipeline["nodes"]] == ["abc", "abc"]
    [edge] = pipeline["edges"]
    assert (edge["source_node"], edge["source_key"], edge["target_node"]) == ("make", "lines.txt", "use")
    assert [node["name"] for node in ran.xcom("pipeline")["nodes"]] == ["make", "use"]
    counts = sorted(body["parameters"]["count"] for body in platform.posted("executions") if body.get("parameters"))
    assert counts == [1, 2]


@pytest.mark.usefixtures("remote")
def test_dags_of_the_original_plugin_on_the_platform(platform: Platform, run_dag: Run) -> None:
    ran = run_dag("original_names")

    assert ran.state == "success", ran.tasks
    assert [body["step"] for body in platform.posted("executions")] == ["make", "use"]
    assert platform.posted("executions")[1]["environment"] == "azure-westeurope-f2sv2"


@pytest.mark.usefixtures("remote")
def test_failures_on_the_platform_say_what_and_why(platform: Platform, run_dag: Run, log: Any, capfd: Any) -> None:
    ran = run_dag("failing")

    assert ran.state == "failed"
    said = log.text + "".join(capfd.readouterr())
    assert "hello from e1" in said
    assert "There is no such step." in said
    assert "shows this token no project 'nowhere'" in said
    assert len(platform.posted("executions")) == 2, "what no other try can help was tried again"


@pytest.mark.essential
@pytest.mark.usefixtures("remote")
def test_another_try_watches_what_the_first_left_running(
    platform: Platform, run_dag: Run, log: Any, capfd: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("localhai.airflow.rest.RETRY", Retry(RETRY.attempts, first=0.0))
    platform.trouble = RETRY.attempts

    ran = run_dag("two_tries")

    assert ran.state == "success", ran.tasks
    assert len(platform.posted("executions")) == 1
    assert ran.xcom("step")["id"] == "e1"
    assert "execution #1 of an earlier try still runs" in log.text + "".join(capfd.readouterr())


@pytest.mark.usefixtures("remote")
def test_another_try_starts_anew_what_ended_badly(platform: Platform, run_dag: Run) -> None:
    ran = run_dag("two_tries_of_a_failure")

    assert ran.state == "failed"
    assert len(platform.posted("executions")) == 2


@pytest.mark.docker
@pytest.mark.parametrize("dag", ["passing", pytest.param("failing", marks=pytest.mark.essential), "one_of_each"])
def test_in_dev_mode_nothing_ever_reaches_the_platform(
    platform: Platform, run_dag: Run, connections: Connections, dag: str
) -> None:
    ran = run_dag(dag)

    assert ran.state == ("failed" if dag == "failing" else "success")
    assert (platform.connections, platform.calls) == (0, [])
    assert connections() == set(), "nothing but sockets of this machine's file system"


def test_in_dev_mode_a_lost_engine_is_no_reason_to_ask_the_platform(
    platform: Platform, run_dag: Run, connections: Connections, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("DOCKER_HOST", f"unix://{tmp_path}/no.sock")

    ran = run_dag("one_step")

    assert ran.state == "failed"
    assert (platform.connections, connections()) == (0, set())


@pytest.mark.usefixtures("remote", "platform")
def test_what_watches_connections_sees_those_to_the_platform(run_dag: Run, connections: Connections) -> None:
    assert run_dag("one_step").state == "success"
    assert "localhost" in connections()


@pytest.mark.usefixtures("remote")
@pytest.mark.parametrize(
    "where",
    [
        "stand-in",
        pytest.param(
            "platform",
            marks=[
                pytest.mark.platform,
                pytest.mark.skipif("VALOHAI_TOKEN" not in os.environ, reason="VALOHAI_TOKEN is not set"),
            ],
        ),
    ],
)
def test_a_step_on_the_platform(
    request: pytest.FixtureRequest, run_dag: Run, monkeypatch: pytest.MonkeyPatch, where: str
) -> None:
    """On the real one with VALOHAI_TOKEN, VALOHAI_TEST_PROJECT and VALOHAI_TEST_STEP; VALOHAI_HOST if it is another."""
    if where == "platform":
        connect(monkeypatch, os.environ.get("VALOHAI_HOST", "app.valohai.com"), os.environ["VALOHAI_TOKEN"])
        monkeypatch.setattr("localhai.airflow.hook.POLLING_INTERVAL", 5.0)
    else:
        request.getfixturevalue("platform")

    ran = run_dag("one_step")

    assert ran.state == "success", ran.tasks
    details = ran.xcom("step")
    assert details["status"] == "complete"
    assert {"id", "counter", "step", "urls", "parameters", "inputs", "outputs"} <= set(details)
    for output in details["outputs"]:
        assert {"name", "ctime", "size", "id", "uri", "url"} <= set(output)
