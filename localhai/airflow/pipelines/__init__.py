"""Pipelines of valohai.yaml as DAGs: what each task is to do is decided here without Airflow, and done by operators."""
