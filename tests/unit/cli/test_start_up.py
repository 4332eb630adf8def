"""What the first tenths of a second are made of: modules that a command loads and has no use for."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from pathlib import Path

HEAVY = ("docker", "boto3", "botocore", "moto", "sqlalchemy", "alembic", "rich", "requests", "jsonschema", "yaml")
PROBE = """
import json, sys
from localhai.cli.main import cli
try:
    cli.main(sys.argv[1:])
finally:
    sys.stdout.flush()
    print("\\n" + json.dumps(sorted(sys.modules)), file=sys.stderr)
"""


def loaded(*arguments: str, folder: Path) -> tuple[int, set[str]]:
    done = subprocess.run(
        [sys.executable, "-c", PROBE, *arguments], cwd=folder, capture_output=True, text=True, check=False
    )
    return done.returncode, set(json.loads(done.stderr.splitlines()[-1]))


@pytest.mark.parametrize("arguments", [("--help",), ("--version",), ("execution", "--help"), ()])
def test_help_loads_no_command_and_nothing_heavy(project: Path, arguments: tuple[str, ...]) -> None:
    code, modules = loaded(*arguments, folder=project)

    assert code == 0
    assert not modules & {*HEAVY, "valohai_yaml"}
    assert "localhai.cli.execution.run" not in modules
    assert "localhai.executions.home" not in modules


def test_a_plan_needs_neither_engine_nor_records(project: Path) -> None:
    code, modules = loaded("plan", "train", folder=project)

    assert code == 0
    assert not modules & {*HEAVY, "localhai.records", "localhai.containers.connect"} - {"yaml", "jsonschema"}


def test_looking_at_executions_needs_no_yaml_and_no_tables(project: Path) -> None:
    loaded("execution", "list", folder=project)  # makes the records
    code, modules = loaded("execution", "list", "--json", folder=project)

    assert code == 0
    assert not modules & {*HEAVY, "valohai_yaml"}
