"""What the first tenths of a second are made of: modules that a command loads and has no use for."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

SERVER = ("fastapi", "starlette", "pydantic", "uvicorn", "cryptography", "python_multipart")  # in every installation
HEAVY = (
    *SERVER,
    "docker",
    "boto3",
    "botocore",
    "moto",
    "sqlalchemy",
    "alembic",
    "rich",
    "requests",
    "jsonschema",
    "yaml",
)
PROBE = """
import json, sys
from localhai.cli.main import cli
for line in sys.argv[1:]:
    try:
        cli.main(line.split())
    except SystemExit as end:
        code = end.code
    if code:
        break
sys.stdout.flush()
print("\\n" + json.dumps([code, sorted(sys.modules)]), file=sys.stderr)
"""


def loaded(*lines: str, folder: Path) -> tuple[int, set[str]]:
    """The first exit code that is not 0, and the modules that one process has after those calls of localhai."""
    done = subprocess.run(
        [sys.executable, "-c", PROBE, *lines], cwd=folder, capture_output=True, text=True, check=False
    )
    code, modules = json.loads(done.stderr.splitlines()[-1])
    return code, set(modules)


def test_help_loads_no_command_and_nothing_heavy(project: Path) -> None:
    code, modules = loaded("--help", "--version", "execution --help", "", folder=project)

    assert code == 0
    assert not modules & {*HEAVY, "valohai_yaml"}
    assert "localhai.cli.execution.run" not in modules
    assert "localhai.executions.home" not in modules


def test_a_plan_needs_neither_engine_nor_records(project: Path) -> None:
    code, modules = loaded("plan train", folder=project)

    assert code == 0
    assert not modules & {*HEAVY, "localhai.records", "localhai.containers.docker.connect"} - {"yaml", "jsonschema"}


def test_looking_at_executions_needs_no_yaml_and_no_tables(project: Path) -> None:
    code, modules = loaded("execution list", "execution list --json", folder=project)  # the first makes the records

    assert code == 0
    assert not modules & {*HEAVY, "valohai_yaml"}


RUN = """
import json, pathlib, sys
import localhai.containers.docker.connect
from localhai.cli.call import Call
from localhai.cli.main import cli
from localhai.executions.home import Home
from localhai.settings import Settings
from localhai.testing import FakeEngine
others = {name for name in sys.modules if name.startswith(("localhai.testing", "localhai.containers.fake"))}
folder = pathlib.Path.cwd()
with Home(Settings.load(), engine=FakeEngine()) as home:
    for _ in range(2):
        try:
            cli.main(["run", "noop"], obj=Call(home=home, folder=folder))
        except SystemExit as end:
            code = end.code
        if sys.argv[1:] == ["again"]:
            break
print("\\n" + json.dumps([code, sorted(set(sys.modules) - others)]), file=sys.stderr)
"""
OWN_MODULES = 142  # more cost a run 0.15 to 0.25 ms each: what it does not need is better imported where it is used


def test_a_run_without_inputs_loads_what_it_needs(project: Path) -> None:
    (project / "valohai.yaml").write_text("- step: {name: noop, image: busybox, command: 'true'}\n")
    for arguments in ([], ["again"]):  # the first reads valohai.yaml, later ones know the plan
        done = subprocess.run(
            [sys.executable, "-c", RUN, *arguments], cwd=project, capture_output=True, text=True, check=False
        )
    code, modules = json.loads(done.stderr.splitlines()[-1])

    assert code == 0
    heavy = {*HEAVY, "valohai_yaml", "leval", "difflib", "concurrent.futures"} - {"yaml"}  # which the fake has
    assert not set(modules) & heavy
    assert len([name for name in modules if name.split(".")[0] == "localhai"]) <= OWN_MODULES
