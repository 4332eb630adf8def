"""airflow-valohai-plugin as it is published, unmodified, against `localhai serve --https` and a real engine."""

from __future__ import annotations

import importlib.util
import json
import os
import re
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType

import pytest

HERE = Path(__file__).parent
ROOT = HERE.parent.parent
TOKEN = "a-token-of-the-original"
SECONDS = 240


@pytest.fixture(scope="module")
def plugin(airflow: ModuleType, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the plugin alone: the environment has localhai's own package of that name."""
    if not airflow.__version__.startswith("2."):
        pytest.skip("the plugin is written for Airflow 2")
    folder = tmp_path_factory.mktemp("plugin")
    words = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--target", str(folder)]
    subprocess.run([*words, "airflow-valohai-plugin"], check=True, timeout=SECONDS)
    return folder


def serving_python() -> str:
    """One that has what `localhai serve` needs: this one, or that of the checkout."""
    if importlib.util.find_spec("uvicorn") and importlib.util.find_spec("fastapi"):
        return sys.executable
    return str(ROOT / os.environ.get("VENV", ".venv") / "bin" / "python")


@dataclass
class Serving:
    """`localhai serve --https`. `trust` is the file by which clients trust it."""

    host: str
    trust: str


@pytest.fixture
def serving(tmp_path: Path) -> Iterator[Serving]:
    """With the project `airflow-tests`, committed to `master`: the plugin's branch."""
    folder = tmp_path / "project"
    shutil.copytree(HERE / "project", folder)
    who = ["-c", "user.name=a", "-c", "user.email=a@b.example"]
    for words in (["init", "-qb", "master"], ["add", "."], ["commit", "-qm", "the first"]):
        subprocess.run(["git", *who, *words], cwd=folder, check=True)
    python = serving_python()
    environment = {**os.environ, "LOCALHAI_TOKEN": TOKEN}
    subprocess.run([python, "-m", "localhai", "run", "noop"], cwd=folder, env=environment, check=True, timeout=SECONDS)
    words = [python, "-m", "localhai", "serve", "--https", "--port", "0", "--https-port", "0"]
    process = subprocess.Popen(words, cwd=tmp_path, env=environment, stderr=subprocess.PIPE, text=True)
    assert process.stderr is not None
    said = process.stderr.readline() + process.stderr.readline()
    host, trust = re.search(r"https://127.0.0.1:(\d+)", said), re.search(r"REQUESTS_CA_BUNDLE=(\S+)", said)
    try:
        assert host, said
        assert trust, said
        yield Serving(f"localhost:{host[1]}", trust[1])
    finally:
        process.send_signal(signal.SIGTERM)
        process.communicate(timeout=60)


def run(plugin: Path, serving: Serving, dag: Path) -> tuple[dict[str, object], str]:
    """Run a DAG; gives how it ended, and what was logged."""
    connection = {"conn_type": "http", "host": serving.host, "password": TOKEN}
    environment = {
        **{name: value for name, value in os.environ.items() if not name.lower().endswith("_proxy")},
        "AIRFLOW_CONN_VALOHAI_DEFAULT": json.dumps(connection),
        "PYTHONPATH": str(plugin),
        "PYTHONWARNINGS": "ignore",
        "REQUESTS_CA_BUNDLE": serving.trust,
        "SSL_CERT_FILE": serving.trust,
    }
    done = subprocess.run(
        [sys.executable, str(HERE / "run_original.py"), str(dag), "0.5"],
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=SECONDS,
        check=False,
    )
    assert done.returncode == 0, done.stdout
    return json.loads(done.stdout.splitlines()[-1]), done.stdout


@pytest.mark.docker
def test_both_operators_run_unmodified(plugin: Path, serving: Serving) -> None:
    got = Path(os.environ["AIRFLOW_HOME"], "copy of lines.txt")
    got.unlink(missing_ok=True)

    ended, said = run(plugin, serving, HERE / "dags" / "original_names.py")

    assert ended == {"state": "success", "tasks": dict.fromkeys(("make", "use", "download"), "success")}, said
    assert got.read_text() == "line 1\nline 2\n"


FAILING = """\
from datetime import datetime

from airflow import DAG
from airflow_valohai_plugin.operators.valohai_submit_execution_operator import ValohaiSubmitExecutionOperator

with DAG("original_failing", start_date=datetime(2018, 1, 1), schedule=None) as dag:
    more = {"project_name": "airflow-tests", "tags": ["nightly"]}
    ValohaiSubmitExecutionOperator(task_id="fail", step="fail", **more)
    ValohaiSubmitExecutionOperator(task_id="nothing", step="nothing", **more)
    ValohaiSubmitExecutionOperator(task_id="branch", step="make", branch="none", **more)
"""


@pytest.mark.docker
def test_what_goes_wrong_reaches_its_log(plugin: Path, serving: Serving, tmp_path: Path) -> None:
    (tmp_path / "failing.py").write_text(FAILING)

    ended, said = run(plugin, serving, tmp_path / "failing.py")

    assert ended["tasks"] == {"fail": "failed", "nothing": "failed", "branch": "success"}, said
    assert "Execution failed with status: error" in said
    assert "Failed to submit execution: " in said
    assert "Added execution tags: ['nightly']" in said
    assert TOKEN not in said
