"""Pipelines of valohai.yaml as DAGs, each node a task, on a platform without Docker."""

from __future__ import annotations


def test_a_task_for_each_node_and_outputs_by_xcom(run_dag, fake_valohai):
    fake_valohai.step("make", outputs={"lines.txt": "line 1\n"}, metadata={"lines": 1})
    fake_valohai.step("use", outputs={"copy of lines.txt": "line 1\n"})

    ran = run_dag("pipeline")

    assert ran.state == "success", ran.tasks
    assert ran.tasks == {("make", -1): "success", ("use", -1): "success"}
    fake_valohai.assert_order("make", "use")
    [used] = ran.xcom("use")["inputs"]
    assert used == {"name": "data", "urls": [f"datum://{ran.xcom('make')['outputs'][0]['id']}"]}
