"""The pytest plugin as a user's test suite meets it: in a pytest of its own."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

YAML = """\
- step: {name: prepare, image: python:3.11-slim, command: echo}
- step:
    name: train
    image: python:3.11-slim
    command: echo
    parameters: [{name: epochs, type: integer, default: 2}]
- step:
    name: count
    image: python:3.11-slim
    command: echo
    inputs: [{name: data, default: s3://bucket/*.txt}]
"""
TESTS = """
import pytest
import localhai
from localhai.airflow.local import LocalPlatform
from localhai.airflow.platform import Watcher
from localhai.app.projects import Places
from localhai.airflow.platform import ExecutionRequest
from localhai.errors import SurroundingsError, UsageError

def run(step, **more):
    return localhai.open_project("news").run(step, **more)

def ask(step):
    return LocalPlatform(Places()).run(ExecutionRequest("news", step), Watcher())

def test_canned(fake_valohai):
    fake_valohai.step("train", metadata=[{"accuracy": 0.1}, {"accuracy": 0.9}], outputs={"m/model.txt": "x"}, log="hi")
    run("prepare")
    execution = run("train")
    assert execution.complete
    assert execution.metadata["accuracy"] == 0.9
    fake_valohai.assert_order("prepare", "train")
    fake_valohai.assert_metadata("train", accuracy=0.9)
    fake_valohai.assert_outputs("train", ["m/model.txt"])
    with pytest.raises(AssertionError):
        fake_valohai.assert_order("train", "prepare")

def test_function(fake_valohai):
    def train(container):
        container.out(str(container.parameters["epochs"]))
        return 3
    fake_valohai.step("train", train)
    execution = run("train", parameters={"epochs": 7})
    assert (execution.status, execution.exit_code, execution.logs()) == ("error", 3, "7\\n")

def test_failures_and_then_none(fake_valohai):
    fake_valohai.fail("train", times=2)
    fake_valohai.delay("prepare", 0.01)
    fake_valohai.fail("train", status="crashed")
    assert [run("train").status for _ in range(4)] == ["error", "error", "crashed", "complete"]
    assert run("prepare").complete

def test_api_errors_are_survived_or_not(fake_valohai):
    fake_valohai.api_error(503, times=2)
    assert ask("train")["status"] == "complete"
    fake_valohai.api_error(500)
    with pytest.raises(SurroundingsError, match="500"):
        ask("train")
    fake_valohai.api_error(400)
    with pytest.raises(UsageError, match="400"):
        ask("train")
    assert fake_valohai.order == ["train"]

def test_a_lost_engine(fake_valohai):
    fake_valohai.lose_engine()
    with pytest.raises(SurroundingsError):
        run("train")
    fake_valohai.come_back()
    assert run("train").complete

def test_each_test_has_its_own_home(fake_valohai, localhai_s3):
    assert fake_valohai.executions == []
    assert list(localhai_s3.iterdir()) == []

def read_bucket(fake_valohai, found):
    def count(container):
        for file in container.path("/valohai/inputs/data").iterdir():
            found[file.name] = file.read_text()
    fake_valohai.step("count", count)
    assert run("count").complete
    return found

@pytest.mark.localhai_s3("buckets")
def test_buckets_of_a_folder(fake_valohai, localhai_s3):
    (localhai_s3 / "bucket" / "b.txt").write_text("of the test")
    assert read_bucket(fake_valohai, {}) == {"a.txt": "of the folder", "b.txt": "of the test"}

@pytest.mark.localhai_s3("buckets")
def test_buckets_begin_anew(localhai_s3):
    assert [file.name for file in (localhai_s3 / "bucket").iterdir()] == ["a.txt"]
"""


def pytest_of(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    alone = {"PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"}  # other plugins take longer to load than these tests
    environment = {**os.environ, **alone, "LOCALHAI_PROJECTS": f"news={folder / 'news'}"}
    command = [sys.executable, "-m", "pytest", "-q", "-p", "localhai.testing.plugin", "-p", "no:cacheprovider"]
    return subprocess.run(
        [*command, *arguments], cwd=folder, env=environment, capture_output=True, text=True, check=False
    )


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "news").mkdir()
    (tmp_path / "news" / "valohai.yaml").write_text(YAML)
    (tmp_path / "buckets" / "bucket").mkdir(parents=True)
    (tmp_path / "buckets" / "bucket" / "a.txt").write_text("of the folder")
    return tmp_path


def test_fixtures_and_faults(folder):
    (folder / "test_dag.py").write_text(TESTS)
    done = pytest_of(folder)
    assert (done.returncode, "8 passed" in done.stdout) == (0, True), done.stdout + done.stderr


def test_the_setting_and_a_folder_that_is_not_there(folder):
    (folder / "pytest.ini").write_text("[pytest]\nlocalhai_s3 = buckets\n")
    (folder / "test_s3.py").write_text(
        "import pytest\n"
        "def test_setting(localhai_s3):\n"
        "    assert (localhai_s3 / 'bucket' / 'a.txt').read_text() == 'of the folder'\n"
        "@pytest.mark.localhai_s3('nowhere')\n"
        "def test_marker(localhai_s3): pass\n"
    )
    done = pytest_of(folder, "--strict-markers")
    assert "1 passed, 1 error" in done.stdout, done.stdout + done.stderr
    assert f"localhai_s3: there is no folder {folder / 'nowhere'}" in done.stdout


def test_run_dag_says_what_it_needs(folder):
    (folder / "test_dag.py").write_text("def test_a_dag(run_dag):\n    run_dag('dags/news.py')\n")
    done = pytest_of(folder)
    assert done.returncode == 1
    assert 'run_dag needs Airflow: pip install "apache-airflow>=2.10,<4"' in done.stdout


def test_it_costs_nothing_while_nobody_asks(folder):
    (folder / "test_other.py").write_text(
        "import os, sys\n"
        "def test_nothing():\n"
        "    heavy = {'docker', 'boto3', 'sqlalchemy', 'airflow', 'localhai.containers', 'localhai.executions'}\n"
        "    assert not heavy & set(sys.modules)\n"
        "    assert 'LOCALHAI_MODE' not in os.environ and 'AIRFLOW_HOME' not in os.environ\n"
    )
    done = pytest_of(folder, "-W", "error", "--strict-config", "--strict-markers")
    assert done.returncode == 0, done.stdout + done.stderr
