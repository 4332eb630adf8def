"""One step of a project that variables name: the same on a stand-in and on the real platform."""

from __future__ import annotations

import os
from datetime import datetime, timezone

from airflow import DAG

from localhai.airflow import ValohaiSubmitExecutionOperator

with DAG("one_step", start_date=datetime(2024, 1, 1, tzinfo=timezone.utc), schedule=None, catchup=False) as dag:
    ValohaiSubmitExecutionOperator(
        task_id="step",
        project_name=os.environ.get("VALOHAI_TEST_PROJECT", "airflow-tests"),
        step=os.environ.get("VALOHAI_TEST_STEP", "make"),
        branch=os.environ.get("VALOHAI_TEST_BRANCH"),
    )
