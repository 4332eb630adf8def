"""What the first tenths of a second are made of: modules that a command loads and has no use for."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

HEAVY = ("docker", "boto3", "botocore", "moto", "sqlalchemy", "alembic", "rich", "requests", "jsonschema", "yaml")
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
