"""Split the articles and train on them: the steps of ../valohai.yaml as tasks of Airflow.

With LOCALHAI_MODE=dev they run in Docker on this machine, without it on the platform; the file stays as it is.
"""

from __future__ import annotations

from datetime import datetime, timezone

from airflow import DAG
from localhai.airflow import ValohaiSubmitExecutionOperator

output_of = ValohaiSubmitExecutionOperator.get_output_uri

with DAG("news", start_date=datetime(2026, 1, 1, tzinfo=timezone.utc), schedule=None, catchup=False) as dag:
    preprocess = ValohaiSubmitExecutionOperator(task_id="preprocess", project_name="example", step="preprocess")
    train = ValohaiSubmitExecutionOperator(
        task_id="train",
        project_name="example",
        step="train",
        inputs={
            "train-set": output_of(task=preprocess, name="train.csv"),
            "vocabulary": output_of(task=preprocess, name="vocabulary.json"),
        },
        parameters={"epochs": 4},
    )
    preprocess >> train
