"""The example project over two machines: whichever task runs on one reads what another wrote on the other."""

from __future__ import annotations

from datetime import datetime, timezone

from airflow import DAG

from localhai.airflow import ValohaiSubmitExecutionOperator, pipeline_dag

output_of = ValohaiSubmitExecutionOperator.get_output_uri
START = datetime(2026, 1, 1, tzinfo=timezone.utc)

with DAG("spread", start_date=START, schedule=None, catchup=False) as dag:
    preprocess = ValohaiSubmitExecutionOperator(
        task_id="preprocess", project_name="example", step="preprocess", queue="one"
    )
    train = ValohaiSubmitExecutionOperator(
        task_id="train",
        project_name="example",
        step="train",
        inputs={
            "train-set": output_of(task=preprocess, name="train.csv"),
            "vocabulary": output_of(task=preprocess, name="vocabulary.json"),
        },
        parameters={"epochs": 2},
        queue="two",
    )
    preprocess >> train

classify = pipeline_dag("classify", project="example", folder="../example", start_date=START)  # its gate: anywhere
classify.get_task("preprocess").queue = "two"
classify.get_task("train").queue = "one"
classify.get_task("evaluate").queue = "two"
