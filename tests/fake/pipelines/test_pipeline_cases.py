"""Every pipeline of tests/cases/pipeline-*, over the fake engine, whose containers are shells of this machine."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from localhai.cli.call import Call
from localhai.cli.main import cli
from localhai.executions.home import Home
from localhai.settings import Settings
from localhai.testing import FakeEngine


def load(path: Path) -> Any:
    """A module by path: test folders are no packages."""
    spec = importlib.util.spec_from_file_location(path.stem, path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


cases = load(Path(__file__).parents[2] / "pipeline_cases_support.py")
containers = load(Path(__file__).parents[2] / "shell_containers.py")


@pytest.mark.parametrize("name", cases.NAMES)
def test_pipeline(name: str, tmp_path: Path, used_home: Path) -> None:
    case, folder = cases.load(name), tmp_path / "case"
    case.lay_out(folder)
    engine = FakeEngine()
    engine.behave(containers.shell)
    with Home(Settings.load(flags={"home": used_home}), engine=engine) as home:
        for run in case.runs:
            words = ["pipeline", "run", "p", "--json", *run.words]
            done = CliRunner().invoke(cli, words, obj=Call(home=home, folder=folder))
            run.check(done.exit_code, done.stdout, done.stderr)
    engine.close()
