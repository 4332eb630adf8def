"""Airflow with CeleryExecutor on two machines, from Debian and Python packages, for one run of the tests.

Shared by all: PostgreSQL (for Airflow, and localhai's records), Redis (Celery's broker), an S3 (inputs, outputs).
The scheduler runs outside of both machines. Nothing of it stays.
"""

from __future__ import annotations

import logging
import os
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import boto3
import psycopg2
from moto.server import ThreadedMotoServer
from postgresql import Server, free_port
from waiting import PATIENCE, until

from tests.cluster.machines import Machine

T = TypeVar("T")
HERE = Path(__file__).parent
EXAMPLE = HERE.parents[1] / "example_project"
HOST_TIMEOUT = 6  # seconds of silence after which localhai takes a machine for dead
ZOMBIE_TIMEOUT = 8  # the same for Airflow


@dataclass
class Cluster:
    """What a test sees of it."""

    folder: Path
    postgresql: Server
    environment: dict[str, str]
    one: Machine
    two: Machine

    def ask(self, sql: str, *values: Any, database: str = "airflow") -> list[tuple[Any, ...]]:
        """Rows of a query to Airflow's database, or to localhai's records."""
        connection = psycopg2.connect(self.postgresql.url(database))
        try:
            with connection, connection.cursor() as cursor:
                cursor.execute(sql, values)
                return cursor.fetchall()
        finally:
            connection.close()

    def records(self, sql: str, *values: Any) -> list[tuple[Any, ...]]:
        return self.ask(sql, *values, database="localhai")

    def trigger(self, *dags: str) -> None:
        """Ask the scheduler for one run of each DAG."""
        for dag in dags:
            self.airflow("dags", "trigger", dag)

    def airflow(self, *arguments: str) -> None:
        done = subprocess.run(
            ["airflow", *arguments], env=self.environment, check=False, capture_output=True, text=True, timeout=PATIENCE
        )
        assert done.returncode == 0, done.stdout + done.stderr

    def outcome(self, dag: str) -> str:
        """The state of its run, once it has ended."""

        def look() -> str | None:
            [(state,)] = self.ask("SELECT state FROM dag_run WHERE dag_id = %s", dag)
            return state if state in {"success", "failed"} else None

        return self.until(look)

    def hosts(self, dag: str) -> dict[str, str]:
        """Task by task, the machine of its last try."""
        return dict(self.ask("SELECT task_id, hostname FROM task_instance WHERE dag_id = %s", dag))

    def until(self, look: Callable[[], T | None], seconds: float = PATIENCE) -> T:
        """Whatever `look` gives once it is true."""
        return until(look, seconds=seconds, said=self.said)

    def said(self) -> str:
        """The ends of all logs."""
        logs = {"scheduler": (self.folder / "scheduler.log").read_text(errors="replace")}
        logs |= {machine.name: machine.log for machine in (self.one, self.two)}
        return "\n".join(f"--- {name}:\n{text[-4000:]}" for name, text in logs.items())


@contextmanager
def running_cluster() -> Iterator[Cluster]:
    """All of it, ready; gone at the end, whatever happens."""
    with ExitStack() as stack:
        folder = Path(tempfile.mkdtemp(prefix="localhai-cluster-"))
        stack.callback(shutil.rmtree, folder, ignore_errors=True)
        postgresql = Server.create()
        stack.callback(postgresql.remove)
        for name in ("airflow", "localhai"):
            postgresql.sql(f"CREATE DATABASE {name}")
        redis = stack.enter_context(running_redis(folder))
        s3 = stack.enter_context(running_s3())
        environment = _environment(folder, postgresql, redis, s3)
        cluster = _furnish(folder, postgresql, environment)
        stack.callback(_remove_containers, cluster)
        cluster.airflow("db", "migrate")
        for machine in (cluster.one, cluster.two):
            machine.start()
            stack.callback(machine.pull_the_plug)
        stack.enter_context(_scheduler(cluster))
        for machine in (cluster.one, cluster.two):
            cluster.until(lambda machine=machine: " ready." in machine.log)
        dags = "SELECT count(*) FROM dag WHERE dag_id IN ('spread', 'classify', 'lost', 'adopted')"
        cluster.until(lambda: cluster.ask(dags) == [(4,)])
        yield cluster


def _furnish(folder: Path, postgresql: Server, environment: dict[str, str]) -> Cluster:
    folders = [folder / name for name in ("worker-one", "worker-two")]
    for place in (*folders, folder / "scheduler"):
        shutil.copytree(HERE / "dags", place / "dags")
        shutil.copytree(HERE / "project", place / "gated")
        shutil.copytree(EXAMPLE, place / "example", ignore=shutil.ignore_patterns("s3", "__pycache__"))
    one = Machine("worker-one", folders[0], "one,any,default", environment, hidden=(folders[1], folder / "scheduler"))
    two = Machine("worker-two", folders[1], "two,any,default", environment, hidden=(folders[0], folder / "scheduler"))
    own = {
        "AIRFLOW_HOME": str(folder / "scheduler" / "airflow"),
        "AIRFLOW__CORE__DAGS_FOLDER": str(folder / "scheduler" / "dags"),
        "LOCALHAI_HOME": str(folder / "scheduler" / "localhai"),
    }
    return Cluster(folder, postgresql, {**environment, **own}, one, two)


def _environment(folder: Path, postgresql: Server, redis: int, s3: str) -> dict[str, str]:
    """What all machines have in common, as a team would write it into one file."""
    airflow = postgresql.url("airflow").replace("postgresql:", "postgresql+psycopg2:")
    settings = {
        "CORE__EXECUTOR": "CeleryExecutor",
        "CORE__LOAD_EXAMPLES": "False",
        "CORE__DAGS_ARE_PAUSED_AT_CREATION": "False",
        "CORE__FERNET_KEY": "",
        "WEBSERVER__SECRET_KEY": secrets.token_hex(16),
        "DATABASE__SQL_ALCHEMY_CONN": airflow,
        "CELERY__BROKER_URL": f"redis://127.0.0.1:{redis}/0",
        "CELERY__RESULT_BACKEND": f"db+{airflow}",
        "CELERY__WORKER_CONCURRENCY": "2",
        "CELERY__WORKER_PREFETCH_MULTIPLIER": "1",
        "SCHEDULER__PARSING_PROCESSES": "1",
        "SCHEDULER__SCHEDULER_HEARTBEAT_SEC": "1",
        "SCHEDULER__JOB_HEARTBEAT_SEC": "1",
        "SCHEDULER__LOCAL_TASK_JOB_HEARTBEAT_SEC": "1",
        "SCHEDULER__SCHEDULER_ZOMBIE_TASK_THRESHOLD": str(ZOMBIE_TIMEOUT),
        "SCHEDULER__ZOMBIE_DETECTION_INTERVAL": "1",
    }
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("AIRFLOW", "LOCALHAI_", "AWS_"))}
    return {
        **kept,
        **{f"AIRFLOW__{name}": value for name, value in settings.items()},
        "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
        "HOME": str(folder),
        "PYTHONWARNINGS": "ignore",
        "LOCALHAI_MODE": "dev",
        "LOCALHAI_DATABASE_URL": postgresql.url("localhai"),
        "LOCALHAI_STORE": "s3://outputs/localhai",
        "LOCALHAI_HOST_TIMEOUT": str(HOST_TIMEOUT),
        "LOCALHAI_STOP_GRACE": "1",
        "AWS_ENDPOINT_URL": s3,
        "AWS_ACCESS_KEY_ID": "cluster",
        "AWS_SECRET_ACCESS_KEY": "cluster",
        "AWS_DEFAULT_REGION": "us-east-1",
    }


@contextmanager
def running_redis(folder: Path) -> Iterator[int]:
    """Celery's broker, on a free port."""
    if shutil.which("redis-server") is None:
        _install_redis()
    port = free_port()
    command = ["redis-server", "--port", str(port), "--bind", "127.0.0.1", "--save", "", "--dir", str(folder)]
    with (folder / "redis.log").open("wb") as log:
        process = subprocess.Popen(command, stdout=log, stderr=log, stdin=subprocess.DEVNULL)
    try:
        until(lambda: process.poll() is not None or _accepts(port), said=lambda: "Redis does not answer")
        assert process.poll() is None, (folder / "redis.log").read_text()
        yield port
    finally:
        process.kill()
        process.wait()


def _install_redis() -> None:
    if os.geteuid() != 0 or shutil.which("apt-get") is None:
        raise RuntimeError("the cluster test needs Redis: install the package `redis-server`")
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive", "RUNLEVEL": "1"}  # installed, and not started
    for command in (["update", "-qq"], ["install", "-y", "-qq", "--no-install-recommends", "redis-server"]):
        subprocess.run(["apt-get", *command], check=True, env=environment, capture_output=True, text=True)


@contextmanager
def running_s3() -> Iterator[str]:
    """An S3 with the articles of the example in one bucket, and another one for outputs; gives its address."""
    logging.getLogger("werkzeug").setLevel(logging.WARNING)  # each request, else
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0)
    server.start()
    try:
        host, port = server.get_host_and_port()
        url = f"http://{host}:{port}"
        client = boto3.client(
            "s3",
            endpoint_url=url,
            aws_access_key_id="cluster",
            aws_secret_access_key="cluster",
            region_name="us-east-1",
        )
        for bucket in ("newsroom", "outputs"):
            client.create_bucket(Bucket=bucket)
        root = EXAMPLE / "s3" / "newsroom"
        for path in sorted(root.rglob("*.csv")):
            client.upload_file(str(path), "newsroom", path.relative_to(root).as_posix())
        client.close()
        yield url
    finally:
        server.stop()


@contextmanager
def _scheduler(cluster: Cluster) -> Iterator[None]:
    with (cluster.folder / "scheduler.log").open("wb") as log:
        process = subprocess.Popen(
            ["airflow", "scheduler", "--skip-serve-logs"],
            env=cluster.environment,
            cwd=cluster.folder / "scheduler",
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    try:
        yield
    finally:
        _kill_session(process.pid)
        process.wait()


def _kill_session(session: int) -> None:
    """The scheduler's processes make groups of their own, but stay in its session."""
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                fields = (entry / "stat").read_text().rpartition(")")[2].split()
                if int(fields[3]) == session:
                    os.kill(int(entry.name), signal.SIGKILL)
            except (FileNotFoundError, ProcessLookupError):
                continue


def _remove_containers(cluster: Cluster) -> None:
    """Of the executions of this cluster only: there may be others on the engine."""
    from localhai.containers import reap
    from localhai.containers.docker.connect import connect

    engine = connect()
    if cluster.records("SELECT 1 FROM pg_tables WHERE tablename = 'executions'"):
        for (execution,) in cluster.records("SELECT id FROM executions"):
            reap.remove(engine, reap.of_execution(engine, execution))
    engine.close()


def _accepts(port: int) -> bool:
    with socket.socket() as connecting:
        return connecting.connect_ex(("127.0.0.1", port)) == 0
