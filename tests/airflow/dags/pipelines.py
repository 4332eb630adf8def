"""Every pipeline of the project beside as a DAG of its own."""

from __future__ import annotations

from localhai.airflow import pipeline_dag

NAMES = ["edges", "goes-on", "stops-next", "tries-again", "gates", "sweep", "lists", "whole"]
DAGS = {name: pipeline_dag(name, project="airflow-pipelines", folder="../pipelines") for name in NAMES}
DAGS["deferred"] = pipeline_dag(
    "edges",
    project="airflow-pipelines",
    folder="../pipelines",
    dag_id="deferred",
    deferrable=True,
    polling_interval=0.2,
)
DAGS["both"] = pipeline_dag("both", project="airflow-tests", folder="../project")
globals().update({name.replace("-", "_"): dag for name, dag in DAGS.items()})
