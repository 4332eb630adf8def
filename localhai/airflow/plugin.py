"""What Airflow's own processes do for localhai: in dev mode a scheduler loads what the tasks that it forks will need.

With LocalExecutor each task is a fork of the scheduler. What is loaded there once, no task loads again; Airflow's
`[scheduler] parsing_pre_import_modules` is the same idea for the files of DAGs.
"""

from __future__ import annotations

import os
import sys
from importlib import import_module
from typing import Any

from airflow.plugins_manager import AirflowPlugin

NEEDED = (
    "localhai.airflow.operators.download_outputs",
    "localhai.airflow.operators.submit_execution",
    "localhai.airflow.local",
    "localhai.airflow.running",
    "localhai.airflow.working",
    "localhai.airflow.earlier",
    "localhai.containers.docker.connect",
    "localhai.containers.docker.engine",
    "localhai.app.open_project",
    "localhai.app.recover",
    "localhai.app.servers",
    "localhai.app.start",
    "localhai.executions.run.recovery",
    "localhai.executions.run.heartbeat",
    "localhai.executions.run.runner",
    "localhai.project.remembered",
    "localhai.project.snapshot",
    "localhai.records.sqlite",
)


class LocalhaiPlugin(AirflowPlugin):
    """The entry point `airflow.plugins`."""

    name = "localhai"

    @classmethod
    def on_load(cls, *_args: Any, **_options: Any) -> None:
        """Airflow loads plugins in each of its processes, in a scheduler before its executor starts."""
        mode = os.environ.get("LOCALHAI_MODE", "").strip().lower()  # not by platform.py: all else loads nothing of ours
        if mode == "dev" and sys.argv[1:2] == ["scheduler"]:
            load()


def load() -> None:
    """Import what an execution in dev mode needs. Nothing is opened, asked or started."""
    for name in NEEDED:
        import_module(name)
