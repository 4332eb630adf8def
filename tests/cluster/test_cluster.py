"""Steps of one project on two machines that share records and an S3, and nothing else: also when one of them dies."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from localhai.containers.docker.connect import connect
from tests.cluster.cluster import Cluster
from tests.cluster.machines import Machine

pytestmark = pytest.mark.docker

EXECUTIONS = """
    SELECT e.counter, e.step, e.status, e.owner_host, e.id, e.document
    FROM executions e JOIN projects p ON p.id = e.project_id WHERE p.name = %s ORDER BY e.counter
"""
GATED_OUTPUTS = """
    SELECT d.name, d.uri, d.execution_id FROM data d
    JOIN executions e ON e.id = d.execution_id WHERE e.step = 'slow' ORDER BY d.id
"""


def running(cluster: Cluster, host: str, *, other_than: str = "") -> str | None:
    """The execution of the gated step that runs on a machine, once its container has begun."""
    wanted = "SELECT id FROM executions WHERE step = 'slow' AND status = 'started' AND owner_host = %s AND id <> %s"
    rows = cluster.records(wanted, host, other_than)
    return rows[0][0] if rows and container(rows[0][0]) else None


def container(execution: str) -> str | None:
    engine = connect()
    try:
        states = engine.containers({"localhai.execution": execution})
        return next((state.id for state in states if state.running and state.name == f"localhai-{execution}"), None)
    finally:
        engine.close()


def open_gate(execution: str) -> None:
    engine = connect()
    found = container(execution)
    assert found is not None
    engine.execute(found, ("touch", "/tmp/gate"))
    engine.close()


def outputs_of(cluster: Cluster, execution: str) -> list[tuple[str, str]]:
    return [(name, uri) for name, uri, of in cluster.records(GATED_OUTPUTS) if of == execution]


@contextmanager
def torn(cluster: Cluster, dag: str) -> Iterator[tuple[Machine, Machine, str]]:
    """Start a DAG and kill the machine that runs its task in mid-step; gives it, the other one and the execution."""
    cluster.trigger(dag)
    machines = {machine.name: machine for machine in (cluster.one, cluster.two)}
    found = cluster.until(lambda: next(((name, it) for name in machines if (it := running(cluster, name))), None))
    dead = machines.pop(found[0])
    [other] = machines.values()
    dead.pull_the_plug()
    yield dead, other, found[1]


def test_nodes_land_on_both_machines_and_read_each_others_outputs(cluster: Cluster) -> None:
    cluster.trigger("spread", "classify")
    for dag in ("spread", "classify"):
        assert cluster.outcome(dag) == "success", cluster.said()

    assert cluster.hosts("spread") == {"preprocess": "worker-one", "train": "worker-two"}
    hosts = cluster.hosts("classify")
    assert [hosts[task] for task in ("preprocess", "train", "evaluate")] == ["worker-two", "worker-one", "worker-two"]
    rows = cluster.records(EXECUTIONS, "example")
    assert [row[0] for row in rows] == [1, 2, 3, 4, 5]
    assert sorted(row[1:4] for row in rows) == [
        ("evaluate", "complete", "worker-two"),
        ("preprocess", "complete", "worker-one"),
        ("preprocess", "complete", "worker-two"),
        ("train", "complete", "worker-one"),
        ("train", "complete", "worker-two"),
    ]
    assert all(uri.startswith("s3://outputs/localhai/") for (uri,) in cluster.records("SELECT uri FROM data"))
    for machine in (cluster.one, cluster.two):
        folders = (machine.home / "executions" / "example").glob("[0-9]*")
        counters = {row[0] for row in rows if row[3] == machine.name}
        assert {int(path.name.split("-")[0]) for path in folders} == counters
    [document] = [row[5] for row in rows if row[1] == "evaluate"]
    assert json.loads(document)["metadata"]["accuracy"] > 0.8


def test_what_another_machine_ran_is_known_here(cluster: Cluster) -> None:
    [(counter, model)] = cluster.records(
        "SELECT e.counter, d.id FROM executions e JOIN data d ON d.execution_id = e.id"
        " WHERE e.owner_host = 'worker-one' AND e.step = 'train'"
    )
    told = json.loads(cluster.two.run("localhai", "--project", "example", "execution", "info", str(counter), "--json"))

    assert (told["counter"], told["status"]) == (counter, "complete")
    assert told["metadata"]["accuracy"] > 0.5
    assert [(item["name"], item["id"], item["path"]) for item in told["outputs"]] == [("model.json", model, None)]


def test_a_machine_that_comes_back_watches_its_container_on(cluster: Cluster) -> None:
    with torn(cluster, "adopted") as (dead, _other, execution):
        dead.start()
        cluster.until(lambda: "still runs; nothing is started twice" in dead.task_logs("adopted", "slow"))
        open_gate(execution)
        assert cluster.outcome("adopted") == "success", cluster.said() + dead.task_logs("adopted", "slow")

    assert cluster.ask("SELECT try_number FROM task_instance WHERE dag_id = 'adopted'") == [(2,)]
    rows = cluster.records(EXECUTIONS, "gated")
    assert [(row[0], row[2], row[3]) for row in rows] == [(1, "complete", "worker-one")]
    assert [name for name, _uri in outputs_of(cluster, execution)] == ["result.txt"]
    assert container(execution) is None


def test_what_a_dead_machine_ran_runs_again_on_another(cluster: Cluster) -> None:
    before = len(cluster.records(EXECUTIONS, "gated"))

    with torn(cluster, "lost") as (dead, other, execution):
        again = cluster.until(lambda: running(cluster, other.name, other_than=execution))
        open_gate(again)
        assert cluster.outcome("lost") == "success", cluster.said() + other.task_logs("lost", "slow")
        assert cluster.hosts("lost") == {"slow": other.name}

        rows = cluster.records(EXECUTIONS, "gated")[before:]
        assert [(row[0] - before, row[2], row[4]) for row in rows] == [
            (1, "crashed", execution),
            (2, "complete", again),
        ]
        assert dead.name in json.loads(rows[0][5])["error"]
        assert outputs_of(cluster, execution) == []
        assert [name for name, _uri in outputs_of(cluster, again)] == ["result.txt"]
        aliases = (
            "SELECT d.execution_id FROM datum_aliases a JOIN data d ON d.id = a.datum_id WHERE a.name = 'gated-result'"
        )
        assert cluster.records(aliases) == [(again,)]

        dead.run("localhai", "--project", "gated", "execution", "list")
        assert container(execution) is None
        assert cluster.records("SELECT owner_host FROM processes WHERE given_up") == []
        assert cluster.records("SELECT id FROM executions WHERE status IN ('created', 'queued', 'started')") == []
