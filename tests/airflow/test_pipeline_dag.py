"""Pipelines of valohai.yaml as DAGs, each node a task, on a platform without Docker."""

from __future__ import annotations

import importlib.util
import sys
from types import ModuleType

import pytest
from conftest import DAGS, HERE, Ran


def load() -> ModuleType:
    spec = importlib.util.spec_from_file_location("dags_pipelines", DAGS / "pipelines.py")
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def run_pipeline(airflow, monkeypatch):  # noqa: ARG001  # its tables
    """Run the DAG of a pipeline in this process."""
    monkeypatch.setenv("LOCALHAI_PROJECTS", str(HERE / "pipelines"))

    def run(name: str, **params: object) -> Ran:
        return Ran(load().DAGS[name].test(run_conf=params))

    return run


@pytest.mark.essential
@pytest.mark.parametrize("name", ["edges", "deferred"])
def test_edges_of_every_kind_travel_by_xcom(run_pipeline, fake_valohai, name):
    fake_valohai.step("make", outputs={"a.txt": "a", "b.bin": "b"}, metadata={"accuracy": 0.9})

    ran = run_pipeline(name, title="mine")

    assert ran.state == "success", ran.tasks
    assert ran.tasks == dict.fromkeys([("make", -1), ("use", -1), ("last", -1)], "success")
    make, use, last = (fake_valohai.execution(step) for step in ("make", "use", "last"))
    assert make.parameters == {"rate": 0.25, "rounds": 7, "title": "mine"}
    assert use.parameters == {"rate": 0.25, "best": 0.9}
    assert use.plan().environment_variables["FLAVOUR"] == "sweet"
    text = next(item for item in make.outputs if item["name"] == "a.txt")
    files = [file["uri"] for item in use.inputs if item["name"] == "data" for file in item["files"]]
    assert files == ["file:///etc/hostname", f"datum://{text['id']}"]
    assert [file["uri"] for item in last.inputs for file in item["files"]] == files


def test_a_failed_node_that_may_fail(run_pipeline, fake_valohai):
    fake_valohai.step("make", outputs={"half.txt": "half"}, exit_code=1)
    fake_valohai.step("last", exit_code=1)

    ran = run_pipeline("goes-on")

    assert ran.state == "success", ran.tasks
    assert ran.tasks[("make", -1)] == ran.tasks[("last", -1)] == "failed"
    assert [file["name"] for item in fake_valohai.execution("last").inputs for file in item["files"]] == ["half.txt"]


def test_a_failed_node_keeps_only_what_follows_it_from_running(run_pipeline, fake_valohai):
    fake_valohai.fail("make")

    ran = run_pipeline("stops-next")

    assert ran.state == "failed"
    assert sorted(fake_valohai.order) == ["make", "use"]
    assert ran.tasks[("last", -1)] == "upstream_failed"


def test_a_node_is_tried_three_times(run_pipeline, fake_valohai):
    fake_valohai.fail("make", times=2)
    fake_valohai.step("make", outputs={"a.txt": "a"})

    assert run_pipeline("tries-again").state == "success"
    assert fake_valohai.order == ["make", "make", "make", "last"]


@pytest.mark.parametrize(
    ("accuracy", "params", "state", "steps", "last"),
    [
        (0.9, {}, "success", ["make", "use", "last"], "success"),
        (0.6, {"approve-all": True}, "success", ["make", "use", "last"], "success"),
        (0.2, {}, "success", ["make"], "skipped"),
        (2.0, {}, "failed", ["make"], "upstream_failed"),
    ],
)
def test_conditions_on_metadata_are_gates(accuracy, params, state, steps, last, run_pipeline, fake_valohai):
    fake_valohai.step("make", outputs={"a.txt": "a"}, metadata={"accuracy": accuracy})
    fake_valohai.step("use", outputs={"a.txt": "a"})

    ran = run_pipeline("gates", **params)

    assert (ran.state, fake_valohai.order, ran.tasks[("last", -1)]) == (state, steps, last), ran.tasks


@pytest.mark.essential
def test_executions_of_a_task_are_mapped_and_gathered(run_pipeline, fake_valohai):
    def make(container):
        rate = container.parameters["rate"]
        (container.path("/valohai/outputs") / f"{rate}.txt").write_text("a")
        container.out(f'{{"accuracy": {rate}}}\n')

    fake_valohai.step("make", make)

    ran = run_pipeline("sweep", rounds=5)

    assert ran.state == "success", ran.tasks
    made = [ran.xcom("tries.executions", map_index=index) for index in range(3)]
    assert [item["parameters"] for item in made] == [{"rate": rate, "rounds": 5} for rate in (0.1, 0.2, 0.3)]
    result = ran.xcom("tries.result")
    assert result["task"]["statuses"] == {"complete": 3}
    assert result["parameters"]["rate"] == [0.1, 0.2, 0.3]
    assert result["cumulative_metadata"] == {"accuracy": 0.3}
    files = [file["uri"] for item in fake_valohai.execution("last").inputs for file in item["files"]]
    assert files == [f"datum://{item['outputs'][0]['id']}" for item in made]


def test_a_list_is_one_execution_for_each_item(run_pipeline, fake_valohai):
    fake_valohai.step("make", metadata={"rates": [0.7, 0.8]}, outputs={"a.txt": "a"})

    ran = run_pipeline("lists")

    assert ran.state == "success", ran.tasks
    assert [ran.xcom("tries.executions", map_index=index)["parameters"]["rate"] for index in (0, 1)] == [0.7, 0.8]
    assert fake_valohai.order == ["make", "make", "make", "last"]


def test_members_and_deployments_run_as_a_whole(run_pipeline, fake_valohai):
    def make(container):
        member = container.config("distributed.json").get("self", {}).get("member_id", "alone")
        (container.path("/valohai/outputs") / f"{member}.txt").write_text("a")

    fake_valohai.step("make", make)

    ran = run_pipeline("whole")

    assert ran.state == "success", ran.tasks
    assert set(ran.tasks) == {("make", -1), ("together", -1), ("deployed", -1), ("last", -1)}
    assert ran.xcom("deployed")["deployment"]["version_id"]
    files = sorted(file["name"] for item in fake_valohai.execution("last").inputs for file in item["files"])
    assert files == ["0.txt", "1.txt"]


@pytest.mark.usefixtures("remote")
def test_each_node_is_an_execution_on_the_platform(platform, run_pipeline):
    ran = run_pipeline("both")

    assert ran.state == "success", ran.tasks
    make, use = platform.posted("executions")
    assert (make["step"], make["commit"], make["parameters"]) == ("make", "abc", {"count": 2})
    assert (use["step"], use["commit"], use["inputs"]) == ("use", "abc", {"data": ["datum://d1"]})


class OneTask:
    """A task instance as gates use it: XComs in a dict."""

    def __init__(self, xcoms: dict[tuple[str, str], object]) -> None:
        self.xcoms = xcoms
        self.pushed: dict[str, object] = {}

    def xcom_pull(self, *, task_ids: str, key: str = "return_value", **_: object) -> object:
        return self.xcoms.get((task_ids, key))

    def xcom_push(self, *, key: str, value: object) -> None:
        self.pushed[key] = value


def test_a_gate_waits_for_a_person(run_pipeline, airflow):  # noqa: ARG001  # they make DAG and tables
    module = load()
    gate = module.DAGS["gates"].get_task("use.starting")
    made = {"id": "e1", "status": "complete", "outputs": [{"name": "a", "id": "d1"}]}

    def poke(accuracy: float, **params: object) -> bool:
        found = {("make", "return_value"): {**made, "cumulative_metadata": {"accuracy": accuracy}}}
        return gate.poke({"ti": OneTask(found), "params": params})

    assert poke(0.9)
    assert not poke(0.7)
    assert poke(0.7, **{"approve-all": True})
    assert gate.reschedule, "it takes no slot while it waits"


def test_nodes_have_arguments_of_their_own(run_pipeline):  # noqa: ARG001  # it sets the project
    from localhai.airflow import pipeline_dag
    from localhai.airflow.compat import AirflowException

    folder = HERE / "pipelines"
    dag = pipeline_dag("sweep", project="p", folder=folder, node_arguments={"tries": {"queue": "gpu"}})

    assert dag.get_task("tries.executions").queue == "gpu"
    assert dag.get_task("last").queue != "gpu"
    assert dag.params["rounds"] == 3
    with pytest.raises(AirflowException, match="no node 'nothing'; it has tries, last"):
        pipeline_dag("sweep", project="p", folder=folder, node_arguments={"nothing": {}})
    with pytest.raises(AirflowException, match="nothing"):
        pipeline_dag("nothing", project="p", folder=folder)


def test_the_same_dag_in_both_modes_and_on_every_machine(run_pipeline, monkeypatch):  # noqa: ARG001
    import json

    from airflow.serialization import serialized_objects

    kind = getattr(serialized_objects, "DagSerialization", None) or serialized_objects.SerializedDAG

    def serialised() -> str:
        found = kind.to_dict(load().DAGS["whole"])
        return json.dumps(found, sort_keys=True, default=str)

    here = serialised()
    monkeypatch.delenv("LOCALHAI_MODE")
    monkeypatch.delenv("LOCALHAI_PROJECTS")
    assert serialised() == here
    assert str(HERE / "pipelines") not in here


def test_what_somebody_stopped_is_not_tried_again(run_pipeline, fake_valohai):
    def stop(container):
        execution = fake_valohai.executions[-1]
        fake_valohai.home.records.executions.request_stop(execution.id)
        container.sleep(60)

    fake_valohai.step("make", stop)

    ran = run_pipeline("tries-again")

    assert ran.state == "failed"
    assert [item.status for item in fake_valohai.executions] == ["stopped"]
