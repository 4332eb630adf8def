"""As an example of airflow-valohai-plugin: a step with an input from the web, and its output on the worker."""

from datetime import datetime

from airflow import DAG
from airflow_valohai_plugin.operators.valohai_download_execution_outputs_operator import (
    ValohaiDownloadExecutionOutputsOperator,
)
from airflow_valohai_plugin.operators.valohai_submit_execution_operator import ValohaiSubmitExecutionOperator

default_args = {
    "owner": "somebody",
    "depends_on_past": False,
    "start_date": datetime(2019, 5, 1),
    "email": ["somebody@example.com"],
    "email_on_failure": False,
    "email_on_retry": False,
}
dag = DAG("download", default_args=default_args, schedule_interval=None, catchup=False)

train = ValohaiSubmitExecutionOperator(
    task_id="train",
    project_name="tensorflow-example",
    step="train-model",
    environment="azure-westeurope-f2sv2",
    inputs={"dataset": "https://valohaidemo.blob.core.windows.net/mnist/preprocessed_mnist.npz"},
    parameters={"epochs": 3, "learning_rate": 0.01},
    dag=dag,
)
download = ValohaiDownloadExecutionOutputsOperator(
    task_id="download", output_task=train, output_name="model.pb", dag=dag
)
train >> download
