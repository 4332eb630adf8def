"""A command line over a project of its own and an engine without Docker."""

from __future__ import annotations

import json
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import pytest
from click.testing import CliRunner

from localhai.cli.call import Call
from localhai.cli.main import cli
from localhai.executions.home import Home
from localhai.settings import Settings
from localhai.testing import Canned, FakeEngine

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

YAML = """\
- step:
    name: train
    description: Fit a model.
    image: python:3.11-slim
    command:
      - echo {parameters}
      - "true"
    parameters:
      - name: epochs
        type: integer
        default: 3
        min: 1
        description: How often everything is seen.
      - name: learning_rate
        type: float
        default: 0.5
      - name: kind
        type: string
        default: small
        choices: [small, large]
      - name: quiet
        type: flag
      - name: title
        type: string
        optional: true
    inputs:
      - name: data
        optional: true
- step:
    name: evaluate
    image: python:3.11-slim
    command: echo evaluate
    inputs:
      - name: model
"""
OUTPUT = '{"epoch": 1, "loss": 0.8}\n{"epoch": 2, "loss": 0.4}\ndone\n'


@dataclass
class Answer:
    """What one call of the command line gave."""

    code: int
    out: str
    err: str
    bytes_out: bytes = field(default=b"", repr=False)

    @property
    def json(self) -> Any:
        """Stdout as the one JSON document that it must be."""
        return json.loads(self.out)


class CommandLine:
    """Calls localhai in a project folder: `localhai("run", "train")`."""

    def __init__(self, project: Path, engine: FakeEngine, home: Home) -> None:
        self.project = project
        self.engine = engine
        self.home = home

    def __call__(self, *arguments: str, input: str | None = None, project: Path | None = None) -> Answer:  # noqa: A002 - click's word
        call = Call(home=self.home, folder=project or self.project)
        result = CliRunner().invoke(cli, list(arguments), obj=call, input=input)
        if result.exception is not None and not isinstance(result.exception, SystemExit):
            raise result.exception
        return Answer(result.exit_code, result.stdout, result.stderr, result.stdout_bytes)


def newsroom(parent: Path) -> Path:
    folder = parent / "newsroom"
    folder.mkdir()
    (folder / "valohai.yaml").write_text(YAML)
    (folder / "train.py").write_text("print('training')\n")
    return folder


@pytest.fixture
def project(tmp_path: Path) -> Path:
    return newsroom(tmp_path)


@contextmanager
def trained() -> Iterator[FakeEngine]:
    engine = FakeEngine()
    engine.behave(Canned(output=OUTPUT, files={"model.txt": b"weights", "plots/loss.svg": b"<svg/>"}), step="train")
    yield engine
    engine.close()


@pytest.fixture
def engine() -> Iterator[FakeEngine]:
    with trained() as engine:
        yield engine


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[CommandLine]:
    """One for all tests of a module that only look at what was run: running it takes longer than looking."""
    folder = tmp_path_factory.mktemp("shared")
    with trained() as engine, Home(Settings.load(flags={"home": folder / "home"}, environ={}), engine=engine) as home:
        yield CommandLine(newsroom(folder), engine, home)


@pytest.fixture
def localhai(project: Path, engine: FakeEngine, used_home: Path) -> Iterator[CommandLine]:
    with Home(Settings.load(flags={"home": used_home}), engine=engine) as home:
        yield CommandLine(project, engine, home)
