"""Every pipeline of tests/cases/pipeline-*, over the fake engine, whose containers are shells of this machine."""

from __future__ import annotations

from pathlib import Path

import pipeline_cases_support as cases
import pytest
import shell_containers as containers
from click.testing import CliRunner

from localhai.cli.call import Call
from localhai.cli.main import cli
from localhai.executions.home import Home
from localhai.settings import Settings
from localhai.testing import FakeEngine


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
