"""The command line in a project of one example file, over an engine without Docker that makes what examples ask for."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
from click.testing import CliRunner

from localhai.cli.call import Call
from localhai.cli.main import cli
from localhai.executions.home import Home
from localhai.settings import Settings
from localhai.testing import Canned, FakeEngine

EXAMPLES = Path(__file__).parents[2] / "cases" / "lint" / "valohai_yaml"
OUTPUTS = ("processed-images.tar", "processed-data.csv", "model", "model.pb", "preprocessed_mnist.npz")
METADATA = {"accuracy": 0.9, "optimal_learning_rate": 0.01, "storeids": ["a", "b"], "best_score": 0.5}


@pytest.fixture(scope="module")
def home(tmp_path_factory):
    engine = FakeEngine()
    engine.behave(Canned(output=f"{json.dumps(METADATA)}\n", files=dict.fromkeys(OUTPUTS, b"made")))
    engine.behave(Canned(files={"model.pb": b"made"}), step="train-model")  # a file of an endpoint is one file
    folder = tmp_path_factory.mktemp("home")
    with Home(Settings.load(None, flags={"home": folder}, environ={}), engine=engine) as home:
        yield home
    engine.close()


@pytest.fixture
def example(home, tmp_path):
    """`example(path)(*words)`: exit code and document of a call in a project with that valohai.yaml.

    Each address that an input names stands for a file of the project: the addresses are made up.
    """

    def lay_out(path):
        shutil.copy(path, tmp_path / "valohai.yaml")
        (tmp_path / "any.bin").write_bytes(b"1")
        (tmp_path / "localhai.toml").write_text('[inputs]\n"*" = "any.bin"\n')

        def call(*words):
            done = CliRunner().invoke(cli, [*words, "--json"], obj=Call(home=home, folder=tmp_path))
            return done.exit_code, json.loads(done.stdout)

        return call

    return lay_out
