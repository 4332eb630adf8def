"""valohai-utils, unmodified as people install it, in steps on a real engine."""

from __future__ import annotations

import io
import json
import os
import shutil
import subprocess
import sys
import tarfile
import zipfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

pytestmark = pytest.mark.docker

PROJECT = Path(__file__).parent / "utils_project"
SECONDS = 240


def localhai(folder: Path, *arguments: str, code: int = 0) -> Any:
    """The JSON document of `localhai ARGUMENTS --json`."""
    words = [sys.executable, "-m", "localhai.cli", *arguments, "--json"]
    done = subprocess.run(words, cwd=folder, capture_output=True, text=True, check=False, timeout=SECONDS)
    assert done.returncode == code, done.stdout + done.stderr
    return json.loads(done.stdout)


@dataclass
class Ran:
    """An execution, its outputs in a folder, and what the step saw."""

    execution: dict[str, Any]
    folder: Path

    @property
    def seen(self) -> dict[str, Any]:
        found: dict[str, Any] = json.loads((self.folder / "seen.json").read_text())
        return found

    @property
    def outputs(self) -> dict[str, dict[str, Any]]:
        return {output["name"]: output for output in self.execution["outputs"]}


def archives(folder: Path) -> Path:
    """An input of a plain file, a zip and a tar."""
    folder.mkdir()
    (folder / "plain.csv").write_text("plain")
    with zipfile.ZipFile(folder / "zipped.zip", "w") as archive:
        archive.writestr("inner/zipped.csv", "zipped")
    with tarfile.open(folder / "tarred.tar", "w") as archive:
        member = tarfile.TarInfo("inner/tarred.csv")
        member.size = len(b"tarred")
        archive.addfile(member, io.BytesIO(b"tarred"))
    return folder


@pytest.fixture(scope="module")
def ran(tmp_path_factory: pytest.TempPathFactory, wheels: Path) -> Ran:
    """The step `train` of utils_project, once for all tests that look at it."""
    place = tmp_path_factory.mktemp("utils")
    shutil.copytree(PROJECT, place / "project")
    articles = archives(place / "articles")
    for name in ("top.txt", "deep/one.txt", "deep/two.txt"):
        (place / "tree" / name).parent.mkdir(parents=True, exist_ok=True)
        (place / "tree" / name).write_text(name)

    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("LOCALHAI_HOME", str(place / "home"))
        patch.setenv("NO_COLOR", "1")
        given = [f"--wheels={wheels}/*.whl", f"--articles={articles}/*", f"--tree={place}/tree/**"]
        words = ["--epochs=4", "--layers=8", "--layers=16", *given]
        execution = localhai(place / "project", "run", "--title=by utils", f"--sync={place}/out", "train", *words)
    return Ran(execution, place / "out")


def test_parameters_have_values_of_their_types(ran: Ran) -> None:
    assert ran.execution["status"] == "complete"
    assert ran.seen["parameters"] == {
        "epochs": 4,
        "learning-rate": 5.0,
        "title": "news of today",
        "shuffle": True,
        "layers": ["8", "16"],  # the library takes lists of the command line for texts
        "note": "no note",
    }
    assert isinstance(ran.seen["parameters"]["learning-rate"], float)


def test_inputs_are_found_also_inside_of_archives(ran: Ran) -> None:
    inputs = ran.seen["inputs"]

    assert inputs["path"] == "/valohai/inputs/articles/plain.csv"
    assert inputs["unpacked"] == ["plain", "tarred", "zipped"]
    assert inputs["as they are"] == [f"{inputs['folder']}/{name}" for name in ("plain.csv", "tarred.tar", "zipped.zip")]
    assert inputs["streamed"] == "zipped"
    assert inputs["folder"] == "/valohai/inputs/articles"
    assert inputs["tree"] == [f"/valohai/inputs/tree/{name}" for name in ("deep/one.txt", "deep/two.txt", "top.txt")]
    assert inputs["part of the tree"] == inputs["tree"][:2]
    assert inputs["missing"] == "/none"


def test_the_execution_knows_itself(ran: Ran) -> None:
    assert ran.seen["surroundings"] == {
        "counter": 1,
        "id": ran.execution["id"],
        "title": "by utils",
        "distributed": False,
    }


def test_what_the_logger_wrote_is_metadata(ran: Ran) -> None:
    assert ran.execution["metadata"] == {
        "epoch": 4,
        "loss": 0.25,
        "labels": ["sports", "politics"],
        "when": "/valohai",
    }


def test_outputs_are_data_with_their_properties(ran: Ran) -> None:
    outputs = ran.outputs

    assert sorted(outputs) == [
        "kept/deep/0.txt",
        "kept/deep/1.txt",
        "model.json",
        "packed/kept.tar.gz",
        "packed/plots.zip",
        "seen.json",
    ]
    assert outputs["model.json"]["aliases"] == ["utils-model"]
    assert outputs["packed/plots.zip"]["tags"] == ["packed"]
    with zipfile.ZipFile(ran.folder / "packed/plots.zip") as archive:
        assert sorted(archive.namelist()) == ["0.txt", "1.txt"]
    with tarfile.open(ran.folder / "packed/kept.tar.gz") as archive:
        assert sorted(archive.getnames()) == ["0.txt", "1.txt"]


def test_live_uploads_leave_while_the_step_runs(ran: Ran) -> None:
    assert ran.seen["uploaded early"] == [True, True]


def test_a_status_detail_that_nobody_takes_is_a_warning_and_no_failure(ran: Ran) -> None:
    assert ran.seen["status detail"] == ["Status detail send failed: Invalid API config for set_status_detail"]


TRAINING = """\
import json
import valohai

valohai.prepare(
    step="train-model",
    image="python:3.11-slim",
    default_parameters={"epochs": 2, "rate": 0.5, "shuffle": False, "title": "It's news"},
    default_inputs={"articles": "s3://newsroom/articles/*.csv", "sample": "local/sample.csv"},
)
epochs = valohai.parameters("epochs").value
for epoch in range(epochs):
    with valohai.logger() as logger:
        logger.log("epoch", epoch + 1)
parameters = {name: valohai.parameters(name).value for name in ("epochs", "rate", "shuffle", "title")}
files = sorted(valohai.inputs("articles").paths())
with open(valohai.outputs().path("seen.json"), "w") as file:
    json.dump({"parameters": parameters, "files": files, "sample": valohai.inputs("sample").path()}, file)
"""
GENERATE = """\
from valohai.internals.yaml import parse_config_from_source
from valohai.yaml import config_to_yaml
print(config_to_yaml(parse_config_from_source("train.py", "valohai.yaml")))
"""


@pytest.fixture
def written(tmp_path: Path, wheels: Path) -> Path:
    """A project of one Python file; its valohai.yaml is what `vh yaml step` writes."""
    folder = tmp_path / "news"
    for name in ("spring", "autumn"):
        (folder / "s3/newsroom/articles" / name).with_suffix(".csv").parent.mkdir(parents=True, exist_ok=True)
        (folder / "s3/newsroom/articles" / name).with_suffix(".csv").write_text(name)
    shutil.copytree(wheels, folder / "wheels")
    (folder / "requirements.txt").write_text("--no-index\n--find-links wheels\nvalohai-utils\n")
    (folder / "localhai.toml").write_text('[s3]\nfolder = "s3"\n')
    (folder / "train.py").write_text(TRAINING)

    library = tmp_path / "library"
    for name in ("valohai_utils", "valohai_papi"):  # the rest is here already
        shutil.unpack_archive(next(wheels.glob(f"{name}-*.whl")), library, "zip")
    done = subprocess.run(
        [sys.executable, "-c", GENERATE],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(library)},
        capture_output=True,
        text=True,
        check=True,
    )
    (folder / "valohai.yaml").write_text(done.stdout)
    return folder


def test_a_project_that_the_library_describes_is_linted_and_run(written: Path) -> None:
    linted = localhai(written, "lint")
    execution = localhai(written, "run", "train-model", "--shuffle", "--epochs=3", f"--sync={written.parent}/out")

    seen = json.loads((written.parent / "out/seen.json").read_text())
    assert linted["problems"] == []
    assert execution["status"] == "complete"
    assert execution["metadata"] == {"epoch": 3}
    assert seen["parameters"] == {"epochs": 3, "rate": 0.5, "shuffle": True, "title": "It's news"}
    assert seen["files"] == ["/valohai/inputs/articles/autumn.csv", "/valohai/inputs/articles/spring.csv"]
    assert seen["sample"] is None
