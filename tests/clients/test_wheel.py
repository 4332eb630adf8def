"""The wheel, as whoever does `pip install localhai` gets it: outside the checkout, in an empty environment."""

from __future__ import annotations

import json
import os
import re
import shutil
import zipfile
from email import message_from_bytes
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable
    from subprocess import CompletedProcess

    from environments import Environment

pytestmark = pytest.mark.docker

ROOT = Path(__file__).parents[2]
HEAVY = ("docker", "boto3", "botocore", "moto", "sqlalchemy", "alembic", "rich", "fastapi", "pydantic", "uvicorn")
PINNED = re.compile(r"^(?P<pin>[\w.-]+==[^\\]+?)\s*\\?$", re.MULTILINE)


@pytest.fixture(scope="module")
def wheel(environment: Environment, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Built by the tools of pyproject.toml from what a release would hold."""
    folder = tmp_path_factory.mktemp("wheel")
    environment.pip("wheel", "--quiet", "--no-deps", "--wheel-dir", str(folder), str(ROOT))
    (built,) = folder.glob("localhai-*.whl")
    return built


@pytest.fixture(scope="module")
def installed(environment: Environment, wheel: Path) -> Environment:
    """The wheel with what it depends on, nothing else, in the versions of requirements.lock."""
    pins = wheel.parent / "constraints.txt"
    pins.write_text("\n".join(PINNED.findall((ROOT / "requirements.lock").read_text())))
    environment.pip("install", "--quiet", "--constraint", str(pins), str(wheel))
    return environment


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A copy of example_project, away from the checkout."""
    return Path(shutil.copytree(ROOT / "example_project", tmp_path / "news"))


@pytest.fixture
def localhai(installed: Environment, project: Path) -> Callable[..., CompletedProcess[str]]:
    """Runs the installed `localhai` in the project."""

    def call(*arguments: str) -> CompletedProcess[str]:
        return installed.call("localhai", *arguments, cwd=project)

    return call


def test_the_wheel_holds_the_package_and_nothing_else(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        names = archive.namelist()
    own = {name.partition("/")[2] for name in names if name.startswith("localhai/")}
    on_disk = {
        str(path.relative_to(ROOT / "localhai"))
        for path in (ROOT / "localhai").rglob("*")
        if path.is_file() and path.suffix != ".pyc"
    }

    assert own == on_disk
    assert "server/page/bundle/manifest.json" in own, "the page, which needs no Node.js to be shown"
    assert {"py.typed", "records/migrations/env.py", "records/migrations/script.py.mako"} <= own
    assert any(name.startswith("records/migrations/versions/") for name in own)
    assert {name.partition("/")[0] for name in names} == {"localhai", f"{wheel.name.rsplit('-', 3)[0]}.dist-info"}
    assert not [name for name in own if "test_" in name or "conftest" in name]


def test_the_metadata_says_what_is_needed(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        (name,) = (name for name in archive.namelist() if name.endswith(".dist-info/METADATA"))
        metadata = message_from_bytes(archive.read(name))

    assert metadata["Requires-Python"] == ">=3.10"
    assert metadata["License-Expression"] == "MIT AND Apache-2.0", "ours, and those of what server and page bring"
    brought = {"page/bundle/LICENSES.txt", "swagger_ui/LICENSE", "swagger_ui/NOTICE"}
    files = {"LICENSE", *(f"localhai/server/{name}" for name in brought)}
    assert set(metadata.get_all("License-File")) == files
    assert set(metadata.get_all("Provides-Extra", [])) >= {"airflow", "azure", "gs", "postgresql", "server", "test"}
    assert "\n# localhai\n" in metadata.get_payload()


def test_what_is_installed_fits_together(installed: Environment) -> None:
    assert "No broken requirements found" in installed.pip("check")


@pytest.mark.parametrize("module", ["localhai", "localhai.testing"])
def test_importing_loads_nothing_heavy(installed: Environment, module: str, tmp_path: Path) -> None:
    probe = f"import json, sys, {module}; print({module}.__file__); print(json.dumps(sorted(sys.modules)))"
    done = installed.call("python", "-W", "error", "-c", probe, cwd=tmp_path)
    place, modules = done.stdout.splitlines()

    assert Path(place).is_relative_to(installed.folder)
    assert not set(json.loads(modules)) & set(HEAVY)


def test_it_says_its_version(localhai: Callable[..., CompletedProcess[str]], wheel: Path) -> None:
    done = localhai("--version")

    assert (done.returncode, done.stderr) == (0, "")
    assert wheel.name.split("-")[1] in done.stdout


def test_it_lints(localhai: Callable[..., CompletedProcess[str]], project: Path) -> None:
    right = localhai("lint")
    (project / "valohai.yaml").write_text("- step: {name: train, image: busybox, comand: ls}\n")
    wrong = localhai("lint")

    assert right.returncode == 0, right.stderr
    assert wrong.returncode == 3
    assert "command" in wrong.stdout + wrong.stderr


def test_it_plans(localhai: Callable[..., CompletedProcess[str]]) -> None:
    done = localhai("plan", "train", "--json")

    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["parameters"]["epochs"] == 8


def test_it_runs_a_step_with_an_input_from_s3(
    localhai: Callable[..., CompletedProcess[str]], project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PYTHONWARNINGS", "error")
    before = {path: path.stat().st_mtime_ns for path in project.rglob("*")}

    ran = localhai("run", "preprocess", "--json")
    listed = localhai("execution", "list", "--json")

    assert ran.returncode == 0, ran.stderr
    execution = json.loads(ran.stdout)
    assert execution["status"] == "complete"
    assert {output["name"] for output in execution["outputs"]} == {"train.csv", "test.csv", "vocabulary.json"}
    assert [found["id"] for found in json.loads(listed.stdout)] == [execution["id"]]
    assert {path: path.stat().st_mtime_ns for path in project.rglob("*")} == before
    assert os.environ["LOCALHAI_HOME"] in execution["outputs"][0]["path"]
