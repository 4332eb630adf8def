"""What a scheduler loads in dev mode, so that the tasks that it forks need not."""

from __future__ import annotations

import json
import os
import subprocess
import sys

import pytest

LIGHT = {"localhai.airflow", "localhai.airflow.plugin", "localhai.airflow.provider", "localhai.version"}
CODE = """
import json, sys
sys.argv = ["airflow", *sys.argv[1:]]
import airflow
from airflow.listeners.listener import get_listener_manager  # what a job does before its executor starts

def ours():
    return {name for name in sys.modules if name.startswith("localhai.")}

get_listener_manager()
at_start = ours()
print(json.dumps(sorted(at_start)))
if "localhai.executions.run.runner" in at_start:
    from localhai.airflow import ValohaiSubmitExecutionOperator
    operator = ValohaiSubmitExecutionOperator(task_id="noop", project_name="airflow-tests", step="noop")
    for _ in range(2):  # the first run of a step reads valohai.yaml; what came of it is remembered
        before = ours()
        status = operator.execute({})["status"]
        print(json.dumps([status, sorted(ours() - before)]))
"""


def said(command: str, mode: str) -> list:
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", CODE, command],
        capture_output=True,
        text=True,
        check=True,
        env={**os.environ, "LOCALHAI_MODE": mode},
    )
    return [json.loads(line) for line in done.stdout.splitlines() if line.startswith("[") and line.endswith("]")]


@pytest.mark.essential
def test_a_task_forked_from_a_scheduler_in_dev_mode_loads_nothing_more_of_localhai() -> None:
    at_start, _first, again = said("scheduler", "dev")
    assert {"localhai.airflow.local", "localhai.executions.run.runner"} <= set(at_start)
    assert again == ["complete", []]


@pytest.mark.parametrize(("command", "mode"), [("scheduler", "remote"), ("scheduler", ""), ("webserver", "dev")])
def test_other_modes_and_processes_load_nothing(command: str, mode: str) -> None:
    (at_start,) = said(command, mode)
    assert "localhai.airflow.plugin" in at_start
    assert set(at_start) <= LIGHT
