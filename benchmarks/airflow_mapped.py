"""40 mapped no-op operators with LocalExecutor, against the same with Airflow's DockerOperator.

A real scheduler on PostgreSQL; both DAGs by turns. The time is from the first task's start to the last one's end.
"""

from __future__ import annotations

import os
import signal
import statistics
import subprocess
import sys
import time
from typing import Any

from airflows import ROOT, Airflow, python
from measure import IMAGE, Bench, Row, ratio

COUNT, SLOTS = 40, 4
PATIENCE = 600.0  # seconds for one run
OURS = """
from datetime import datetime

from airflow import DAG

from localhai.airflow import ValohaiSubmitExecutionOperator

with DAG("ours", start_date=datetime(2024, 1, 1), schedule=None, catchup=False, max_active_tasks={slots}):
    ValohaiSubmitExecutionOperator.partial(task_id="noop", project_name="bench", step="noop").expand(
        tags=[[str(number)] for number in range({count})]
    )
"""
THEIRS = """
from datetime import datetime

from airflow import DAG
from airflow.providers.docker.operators.docker import DockerOperator

with DAG("theirs", start_date=datetime(2024, 1, 1), schedule=None, catchup=False, max_active_tasks={slots}):
    DockerOperator.partial(task_id="noop", image="{image}", auto_remove="success").expand(
        command=["true"] * {count}
    )
"""
TIMES = """
    SELECT min(r.state), extract(epoch FROM min(t.start_date)), extract(epoch FROM max(t.end_date))
    FROM dag_run r LEFT JOIN task_instance t USING (dag_id, run_id) WHERE run_id = %s
"""


def measure(bench: Bench) -> list[Row]:
    count = max(SLOTS, round(COUNT * bench.scale))
    _ = python()
    sys.path.insert(0, str(ROOT))
    from tests.docker.postgresql import Server

    server = Server.create()
    try:
        server.sql("CREATE DATABASE airflow")
        url = server.url("airflow").replace("postgresql://", "postgresql+psycopg2://")
        airflow = Airflow(
            bench.folder,
            url,
            AIRFLOW__CORE__EXECUTOR="LocalExecutor",
            AIRFLOW__CORE__PARALLELISM=str(SLOTS),
            AIRFLOW__SCHEDULER__STANDALONE_DAG_PROCESSOR="False",
        )
        for name, text in {"ours": OURS, "theirs": THEIRS}.items():  # each task reads the file of its DAG alone
            (airflow.dags / f"{name}.py").write_text(text.format(slots=SLOTS, count=count, image=IMAGE))
        airflow.command("airflow", "db", "migrate")
        airflow.command("airflow", "dags", "reserialize")
        sides = _scheduled(airflow, server.url("airflow"), bench.rounds_or(3))
    finally:
        server.remove()
    return [ratio(f"{count} mapped no-op operators, LocalExecutor", "with DockerOperator", 1.0, sides)]


def _scheduled(airflow: Airflow, url: str, rounds: int) -> tuple[float, float]:
    """Medians of both, of runs by turns while one scheduler runs."""
    with (airflow.folder / "scheduler.log").open("wb") as log:
        scheduler = subprocess.Popen(
            ["airflow", "scheduler"], env=airflow.environment, stdout=log, stderr=log, start_new_session=True
        )
    try:
        pairs = []
        for number in range(rounds + 1):  # the first one warms both
            order = ("ours", "theirs") if number % 2 else ("theirs", "ours")
            found = {name: _ran(airflow, url, name, f"{name}-{number}") for name in order}
            pairs.append((found["ours"], found["theirs"]))
    finally:
        os.killpg(scheduler.pid, signal.SIGTERM)
        try:
            scheduler.wait(20)
        except subprocess.TimeoutExpired:
            os.killpg(scheduler.pid, signal.SIGKILL)
            scheduler.wait()
    ours, theirs = zip(*pairs[1:], strict=True)
    return statistics.median(ours), statistics.median(theirs)


def _ran(airflow: Airflow, url: str, dag: str, run: str) -> float:
    """Seconds that the tasks of one run took, all together."""
    airflow.command("airflow", "dags", "trigger", dag, "--run-id", run)
    until = time.monotonic() + PATIENCE
    while time.monotonic() < until:
        [(state, first, last)] = _ask(url, TIMES, run)
        if state == "success":
            return float(last) - float(first)
        if state == "failed":
            break
        time.sleep(0.5)
    raise SystemExit(f"{run}: {state}\n{(airflow.folder / 'scheduler.log').read_text(errors='replace')[-3000:]}")


def _ask(url: str, sql: str, *values: str) -> list[tuple[Any, ...]]:
    import psycopg2

    connection = psycopg2.connect(url)
    try:
        with connection.cursor() as cursor:
            cursor.execute(sql, values)
            return cursor.fetchall()
    finally:
        connection.close()
