"""The commands of example_project/ci run as they stand, in a copy of the project, with this environment's programs."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path
from types import ModuleType
from typing import Any
from xml.etree import ElementTree as ET

import pytest
import yaml

ROOT = Path(__file__).resolve().parent.parent.parent
pytestmark = pytest.mark.docker


def of_github(document: dict[str, Any]) -> tuple[dict[str, str], list[str]]:
    [job] = document["jobs"].values()
    return job["env"], [step["run"] for step in job["steps"] if "run" in step]


def of_gitlab(document: dict[str, Any]) -> tuple[dict[str, str], list[str]]:
    [job] = document.values()
    variables = {name: value for name, value in job["variables"].items() if not name.startswith("DOCKER_")}
    return variables, job["script"]


@pytest.mark.parametrize(("name", "read"), [("github-actions", of_github), ("gitlab-ci", of_gitlab)])
def test_each_command_passes(airflow: ModuleType, name: str, read: Any, tmp_path: Path) -> None:
    if not airflow.__version__.startswith("2."):
        pytest.skip("the commands are the same on Airflow 3, where they take minutes")
    project = tmp_path / "project"
    shutil.copytree(ROOT / "example_project", project, ignore=shutil.ignore_patterns("__pycache__", ".pytest_cache"))
    variables, commands = read(yaml.safe_load((project / "ci" / f"{name}.yml").read_text()))
    ours = ("LOCALHAI_M", "LOCALHAI_P", "AIRFLOW")
    inherited = {name: value for name, value in os.environ.items() if not name.startswith(ours)}
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"

    for command in commands:
        done = subprocess.run(
            ["bash", "-eo", "pipefail", "-c", command],
            cwd=project,
            env={**inherited, **variables, "PATH": path},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
        )
        assert done.returncode == 0, f"{command}\n{done.stdout}"

    suites = {file: ET.parse(project / file).getroot() for file in ("tests.xml", "gate.xml")}  # noqa: S314  # ours
    assert {file: len(list(root.iter("testcase"))) for file, root in suites.items()} == {"tests.xml": 4, "gate.xml": 1}
    assert not [failure for root in suites.values() for failure in root.iter("failure")]
