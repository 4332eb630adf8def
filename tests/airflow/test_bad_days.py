"""DAGs of the example and of these tests on `fake_valohai`: no Docker, and a platform that has bad days."""

from __future__ import annotations

import pytest


@pytest.mark.essential
def test_a_dag_without_docker(run_dag, fake_valohai):
    fake_valohai.step("make", outputs={"lines.txt": "line 1\n"}, metadata={"lines": 1})
    fake_valohai.step("use", outputs={"copy of lines.txt": "line 1\n"})

    ran = run_dag("passing")

    assert ran.state == "success", ran.tasks
    fake_valohai.assert_order("make", "use")
    fake_valohai.assert_metadata("make", lines=1)
    assert ran.xcom("make")["outputs"][0]["name"] == "lines.txt"


def test_deferred_and_mapped_tasks_and_pipelines_use_it_too(run_dag, fake_valohai):
    fake_valohai.step("make", outputs={"lines.txt": "line 1\n"})

    assert run_dag("one_of_each").state == "success"
    assert fake_valohai.order.count("make") == 4


def test_what_a_dag_does_on_a_bad_day(run_dag, fake_valohai):
    fake_valohai.step("make", outputs={"lines.txt": "line 1\n"})
    fake_valohai.fail("use")
    fake_valohai.api_error(503, times=2)

    ran = run_dag("passing")

    assert ran.state == "failed"
    assert ran.tasks[("make", -1)] == "success"
    assert ran.tasks[("use", -1)] == "failed"
