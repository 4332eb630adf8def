"""As an example of airflow-valohai-plugin: outputs of one step are inputs of the next."""

from datetime import datetime

from airflow import DAG
from airflow_valohai_plugin.operators.valohai_submit_execution_operator import ValohaiSubmitExecutionOperator

default_args = {"owner": "somebody", "depends_on_past": False, "start_date": datetime(2019, 5, 1)}
dag = DAG("pass_outputs", default_args=default_args, schedule_interval=None, catchup=False)
WEB = "https://valohai-mnist.s3.amazonaws.com/"
output_of = ValohaiSubmitExecutionOperator.get_output_uri

preprocess = ValohaiSubmitExecutionOperator(
    task_id="preprocess",
    project_name="tensorflow-example",
    step="Preprocess dataset (MNIST)",
    inputs={
        "training-set-images": WEB + "train-images-idx3-ubyte.gz",
        "training-set-labels": WEB + "train-labels-idx1-ubyte.gz",
        "test-set-images": WEB + "t10k-images-idx3-ubyte.gz",
        "test-set-labels": WEB + "t10k-labels-idx1-ubyte.gz",
    },
    dag=dag,
)
train = ValohaiSubmitExecutionOperator(
    task_id="train",
    project_name="tensorflow-example",
    step="Train model (MNIST)",
    inputs={
        "training-set-images": output_of(task=preprocess, name="mnist-train-images.gz"),
        "training-set-labels": output_of(task=preprocess, name="mnist-train-labels.gz"),
        "test-set-images": output_of(task=preprocess, name="mnist-test-images.gz"),
        "test-set-labels": output_of(task=preprocess, name="mnist-test-labels.gz"),
    },
    parameters={"max_steps": 200, "learning_rate": 0.002, "dropout": 0.8, "batch_size": 100},
    dag=dag,
)
preprocess >> train
