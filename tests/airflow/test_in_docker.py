"""Airflow itself in a container with the Docker socket mounted, by what example_project/compose.yaml says.

Its image is stood in for by python:3.11-slim with this environment's interpreter and packages mounted into it.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import sysconfig
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

import localhai
from localhai.containers.docker.connect import connect

pytestmark = [pytest.mark.docker, pytest.mark.usefixtures("of_this_airflow")]

IMAGE = "python:3.11-slim"
EXAMPLE = Path(__file__).parents[2] / "example_project"
USER = "50000"  # that of apache/airflow; its group is root's
SOCKET = "/var/run/docker.sock"
SCRIPT = """
import sys
from airflow.models import DagBag
from airflow.utils.db import initdb
from localhai.cli.main import main

initdb()
run = DagBag().get_dag("news").test()
assert run.state == "success", run.state
print("the executions:", flush=True)
sys.argv = ["localhai", "--project", "/opt/airflow/project", "execution", "list", "--json"]
main()
"""


@pytest.fixture
def of_this_airflow() -> None:
    """The compose file has commands of Airflow 2."""
    from airflow import __version__

    if not __version__.startswith("2."):
        pytest.skip(f"the compose file is for Airflow 2, this is {__version__}")


@pytest.fixture
def volume() -> Iterator[str]:
    """The home, as an image with that folder gives it to the user: theirs."""
    name = f"localhai-test-{uuid.uuid4().hex}"
    subprocess.run(["docker", "volume", "create", name], check=True, capture_output=True)
    own = ["docker", "run", "--rm", "--volume", f"{name}:/home", IMAGE, "chown", f"{USER}:0", "/home"]
    subprocess.run(own, check=True, capture_output=True)
    yield name
    subprocess.run(["docker", "volume", "rm", "--force", name], check=True, capture_output=True)


def words(service: dict[str, Any], volume: str) -> list[str]:
    """A service's part of `docker run`: its environment, volumes and groups."""
    found = [f"--hostname={service['hostname']}", f"--group-add={os.stat(SOCKET).st_gid}"]
    for text in service["volumes"]:
        source, _, rest = text.partition(":")
        known = {".": str(EXAMPLE), "localhai": volume}
        if source.startswith("/") or source in known:
            found += ["--volume", f"{known.get(source, source)}:{rest}"]
    inside = {"AIRFLOW__DATABASE__SQL_ALCHEMY_CONN": "sqlite:////opt/airflow/airflow.db", "USER": "airflow"}
    inside |= {"AIRFLOW__CORE__EXECUTOR": "SequentialExecutor"}
    for name, value in {**service["environment"], **inside}.items():
        found += ["--env", f"{name}={value}"]
    return found


def stand_in() -> list[str]:
    """What the real image holds, and a place where its user may write."""
    packages = sysconfig.get_path("purelib")
    return [
        f"--user={USER}:0",
        *("--tmpfs", "/opt/airflow:mode=1777"),
        *("--volume", f"{sys.base_prefix}:/python:ro"),
        *("--volume", f"{packages}:/packages:ro"),
        *("--volume", f"{Path(localhai.__file__).parent}:/checkout/localhai:ro"),
        *("--env", "PYTHONPATH=/checkout:/packages"),
        *("--env", "PYTHONDONTWRITEBYTECODE=1"),
        *("--env", "PYTHONWARNINGS=ignore"),
        *("--env", "LD_LIBRARY_PATH=/python/lib"),
        *("--env", "HOME=/opt/airflow"),
        *("--env", "AIRFLOW_HOME=/opt/airflow"),
    ]


def test_an_operator_in_a_container_runs_its_step_beside_it(volume: str) -> None:
    compose = yaml.safe_load((EXAMPLE / "compose.yaml").read_text())
    name = f"localhai-test-airflow-{uuid.uuid4().hex[:12]}"
    scheduler = words(compose["services"]["scheduler"], volume)
    inside = [IMAGE, "/python/bin/python3", "-c", SCRIPT]
    command = ["docker", "run", "--rm", "--name", name, *scheduler, *stand_in(), *inside]
    try:
        done = subprocess.run(command, check=False, capture_output=True, text=True, timeout=240)
    finally:
        subprocess.run(["docker", "rm", "--force", name], check=False, capture_output=True)

    assert done.returncode == 0, done.stdout + done.stderr
    assert "everything runs in Docker on this machine" in done.stdout
    preprocess, train = sorted(json.loads(done.stdout.split("the executions:\n")[1]), key=lambda item: item["counter"])
    assert [(item["step"], item["status"]) for item in (preprocess, train)] == [
        ("preprocess", "complete"),
        ("train", "complete"),
    ]
    assert train["metadata"]["accuracy"] > 0.5
    assert {item["uri"].split("/store/")[0] for item in train["outputs"]} == {"file:///opt/airflow/localhai"}
    engine = connect()
    left = [item for item in engine.containers({"localhai.execution": None}) if item.name[9:] == train["id"]]
    assert (left, engine.volumes({"localhai.execution": train["id"]})) == ([], [])
    engine.close()
