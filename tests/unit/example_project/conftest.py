from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

PROJECT = Path(__file__).resolve().parents[3] / "example_project"
sys.path.insert(0, str(PROJECT))  # where `news` is, as in /valohai/repository


@pytest.fixture(scope="session")
def project() -> Path:
    return PROJECT


class Valohai:
    """A folder as /valohai, and steps run in it as the platform would."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def give(self, step: str, name: str, *files: Path) -> None:
        folder = self.folder / step / "inputs" / name
        folder.mkdir(parents=True, exist_ok=True)
        for file in files:
            shutil.copy(file, folder)

    def outputs(self, step: str) -> Path:
        return self.folder / step / "outputs"

    def run(self, step: str, *arguments: str) -> subprocess.CompletedProcess[str]:
        base = self.folder / step
        self.outputs(step).mkdir(parents=True, exist_ok=True)
        variables = {f"VH_{name.upper()}_DIR": str(base / name) for name in ("inputs", "outputs", "config")}
        return subprocess.run(
            [sys.executable, "-B", PROJECT / f"{step}.py", *arguments],
            env={"PATH": os.environ["PATH"], **variables},
            cwd=base,
            capture_output=True,
            text=True,
            check=False,
        )


@pytest.fixture(scope="session")
def after_training(tmp_path_factory: pytest.TempPathFactory) -> tuple[Valohai, dict[str, str]]:
    """The three steps after one another; what each wrote to stdout."""
    valohai = Valohai(tmp_path_factory.mktemp("valohai"))
    said = {}
    valohai.give("preprocess", "articles", *(PROJECT / "s3" / "newsroom" / "articles").iterdir())
    said["preprocess"] = checked(valohai.run("preprocess", "--lowercase"))
    made = valohai.outputs("preprocess")
    valohai.give("train", "train-set", made / "train.csv")
    valohai.give("train", "vocabulary", made / "vocabulary.json")
    config = valohai.folder / "train" / "config"
    config.mkdir()
    (config / "execution.json").write_text('{"valohai.execution-counter": 2}')
    said["train"] = checked(valohai.run("train", "--epochs=4"))
    valohai.give("evaluate", "test-set", made / "test.csv")
    valohai.give("evaluate", "model", valohai.outputs("train") / "model.json")
    said["evaluate"] = checked(valohai.run("evaluate"))
    return valohai, said


def checked(done: subprocess.CompletedProcess[str]) -> str:
    assert done.returncode == 0, done.stderr
    return done.stdout
