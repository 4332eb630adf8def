"""As DAGs of airflow-valohai-plugin are written; `schedule_interval` where Airflow still has it."""

from __future__ import annotations

from datetime import datetime

import airflow
from airflow import DAG
from airflow_valohai_plugin.operators.valohai_download_execution_outputs_operator import (
    ValohaiDownloadExecutionOutputsOperator,
)
from airflow_valohai_plugin.operators.valohai_submit_execution_operator import ValohaiSubmitExecutionOperator

schedule = "schedule_interval" if airflow.__version__.startswith("2.") else "schedule"
default_args = {"owner": "airflow", "depends_on_past": False, "start_date": datetime(2018, 1, 1)}  # noqa: DTZ001
dag = DAG("original_names", default_args=default_args, catchup=False, **{schedule: None})

make = ValohaiSubmitExecutionOperator(
    task_id="make", project_name="airflow-tests", step="make", parameters={"count": 2}, dag=dag
)
use = ValohaiSubmitExecutionOperator(
    task_id="use",
    project_name="airflow-tests",
    step="use",
    environment="azure-westeurope-f2sv2",
    inputs={"data": ValohaiSubmitExecutionOperator.get_output_uri(task=make, name="lines.txt")},
    dag=dag,
)
download = ValohaiDownloadExecutionOutputsOperator(
    task_id="download", output_task=use, output_name_pattern="copy.*", dag=dag
)
make >> use >> download
