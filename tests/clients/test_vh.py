"""The platform's own command line, unmodified, against `localhai serve` and a real engine."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from vh_command import interrupted
from waiting import until

from localhai.vocabulary import FINAL

pytestmark = pytest.mark.docker

TOKEN = "a-token-of-this-test"
SECONDS = 120
YAML = """\
- step:
    name: train
    image: python:3.11-slim
    command: python train.py {parameters}
    parameters:
      - name: epochs
        type: integer
        default: 2
    inputs:
      - name: data
        optional: true
- step:
    name: slow
    image: python:3.11-slim
    command: sleep 100
"""
TRAIN = """\
import json, os, sys
print("arguments", sys.argv[1:], os.environ.get("SHOWN"), os.environ.get("HIDDEN"))
for epoch in range(3):
    print(json.dumps({"epoch": epoch, "loss": 1 / (epoch + 1)}))
os.makedirs("/valohai/outputs/sub")
for name in ("model.txt", "sub/more.txt"):
    with open(f"/valohai/outputs/{name}", "w") as file:
        file.write(name)
"""


@pytest.fixture
def program(vh_program: Path) -> Path:
    return vh_program


class Server:
    """`localhai serve` as a process of its own."""

    def __init__(self, home: Path) -> None:
        environment = {**os.environ, "LOCALHAI_HOME": str(home), "LOCALHAI_TOKEN": TOKEN}
        words = [sys.executable, "-m", "localhai", "serve", "--port", "0", "--jobs", "2"]
        self.process = subprocess.Popen(words, env=environment, cwd=home.parent, stderr=subprocess.PIPE, text=True)
        line = self.process.stderr.readline()
        found = re.search(r"ready at (http://\S+)", line)
        assert found, line + self.process.stderr.read()
        self.url = found[1]
        self.home = home

    def end(self, number: int = signal.SIGTERM) -> str:
        self.process.send_signal(number)
        _, said = self.process.communicate(timeout=60)
        return said


@pytest.fixture(scope="module")
def server(tmp_path_factory) -> Iterator[Server]:
    made = Server(tmp_path_factory.mktemp("serve") / "home")
    yield made
    made.end()
    assert made.process.returncode == 0


@pytest.fixture
def folder(tmp_path) -> Path:
    made = tmp_path / "project"
    made.mkdir()
    (made / "valohai.yaml").write_text(YAML)
    (made / "train.py").write_text(TRAIN)
    return made


Call = Callable[..., str]


@pytest.fixture
def environment(tmp_path) -> dict[str, str]:
    (tmp_path / "config").mkdir()
    known = {name: value for name, value in os.environ.items() if not name.lower().endswith("_proxy")}
    return {**known, "VALOHAI_CONFIG_DIR": str(tmp_path / "config"), "COLUMNS": "200"}


@pytest.fixture
def vh(program, server, folder, environment) -> Call:
    """Logged in; gives what a command prints, stdout and stderr."""

    def call(*words: str, code: int = 0) -> str:
        done = subprocess.run(
            [program, *words],
            cwd=folder,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=SECONDS,
            check=False,
        )
        assert done.returncode == code, f"vh {' '.join(words)}:\n{done.stdout}"
        return done.stdout

    assert "Logged in" in call("login", "--host", server.url, "--token", TOKEN)
    return call


@pytest.fixture
def project(vh, request) -> str:
    """A project of this test, linked to its folder."""
    name = request.node.name.replace("_", "-")[:90]
    assert f"Linked {request.getfixturevalue('folder')} to {name}" in vh("project", "create", "-n", name, "--link")
    return name


def ended(vh: Call, counter: int) -> str:
    def look() -> str | None:
        status = str(json.loads(vh("--output-format", "json", "exec", "info", str(counter)))["status"])
        return status if status in FINAL else None

    return until(look, seconds=SECONDS)


def test_a_wrong_token_is_told_and_not_shown(program, server, folder, environment):
    words = [program, "login", "--host", server.url, "--token", "wrong-token"]
    done = subprocess.run(words, cwd=folder, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert "Invalid token." in done.stdout + done.stderr


def test_projects_are_made_listed_and_linked(vh, project):
    assert project in vh("project", "list")
    assert "Linked" in vh("project", "link", "--yes", project)
    assert f"Project {project}" in vh("project", "status")
    vh("project", "create", "-n", project, code=1)


@pytest.mark.usefixtures("project")
def test_environment_variables_are_set_listed_and_deleted(vh):
    vh("project", "environment-variables", "create", "SHOWN=1")
    vh("project", "environment-variables", "create", "--secret", "HIDDEN=s3cret-value")
    listed = vh("project", "environment-variables", "list")
    assert "SHOWN" in listed
    assert "s3cret-value" not in listed
    vh("exec", "run", "--adhoc", "train")
    assert ended(vh, 1) == "complete"
    log = vh("exec", "logs", "1")
    assert "arguments ['--epochs=2'] 1 " in log
    assert "s3cret-value" not in log
    vh("project", "environment-variables", "delete", "SHOWN")
    assert "SHOWN" not in vh("project", "environment-variables", "list")


def test_an_execution_from_its_start_to_its_deletion(vh, project, folder):
    said = vh("exec", "run", "--adhoc", "--title", "first", "--tag", "one", "train", "--epochs=5")
    assert "Execution #1 created" in said
    assert ended(vh, 1) == "complete"
    assert "complete" in vh("exec", "list")
    info = vh("exec", "info", "1")
    assert all(word in info for word in ("python train.py --epochs=5", "first", "This machine", project))
    assert "arguments ['--epochs=5']" in vh("exec", "logs", "1", "--all")
    assert "model.txt" in vh("exec", "outputs", "1")
    vh("exec", "outputs", "latest", "--download", str(folder / "got"))
    assert (folder / "got" / "sub" / "more.txt").read_text() == "sub/more.txt"
    assert "0.333333" in vh("exec", "summarize", "1")
    assert "Deleted 1" in vh("exec", "delete", "1", "--purge-outputs")
    assert "Execution #1 does not exist" in vh("exec", "info", "1", code=1)


@pytest.mark.usefixtures("project")
def test_code_that_is_the_same_is_uploaded_once(vh):
    assert "Uploaded ad-hoc code" in vh("exec", "run", "--adhoc", "train")
    assert "already uploaded" in vh("exec", "run", "--adhoc", "train")
    assert (ended(vh, 1), ended(vh, 2)) == ("complete", "complete")


@pytest.mark.usefixtures("project")
def test_watching_follows_it_until_ctrl_c(program, vh, folder, environment):
    words = [program, "exec", "run", "--adhoc", "--watch", "train"]
    watching = subprocess.Popen(
        words, cwd=folder, env=environment, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True
    )
    assert ended_later(vh) == "complete"
    shown = interrupted(watching, "Status: complete", '{"epoch": 2')
    assert watching.returncode == 0
    assert "Status: complete" in shown
    assert '{"epoch": 2' in shown


def ended_later(vh: Call) -> str:
    until(lambda: "#" in vh("exec", "list"), seconds=SECONDS)
    return ended(vh, 1)


@pytest.mark.usefixtures("project")
def test_streaming_the_log_ends_with_the_execution(vh):
    vh("exec", "run", "--adhoc", "train")
    assert "is complete" in vh("exec", "logs", "--stream", "1")


@pytest.mark.usefixtures("project")
def test_executions_are_stopped_by_number_and_all(vh):
    vh("exec", "run", "--adhoc", "slow")
    assert "OK" in vh("exec", "stop", "1")
    assert ended(vh, 1) == "stopped"
    for _ in range(3):  # more than run at once: one waits
        vh("exec", "run", "--adhoc", "slow")
    vh("exec", "stop", "--all")
    assert [ended(vh, number) for number in (2, 3, 4)] == ["stopped"] * 3


@pytest.mark.usefixtures("project")
def test_an_output_is_the_input_of_the_next(vh):
    vh("exec", "run", "--adhoc", "train")
    assert ended(vh, 1) == "complete"
    rows = json.loads(vh("--output-format", "json", "data", "list"))
    datum = next(row for row in rows if row["name"] == "model.txt")
    vh("exec", "run", "--adhoc", "train", f"--data=datum://{datum['id']}")
    assert ended(vh, 2) == "complete"


@pytest.mark.usefixtures("project")
def test_mistakes_are_said_in_words(vh, folder):
    assert '"nothing" is not a known step' in vh("exec", "run", "--adhoc", "nothing", code=2)
    vh("exec", "run", "--adhoc", "train", "--data=s3://localhai-none/x")
    assert ended(vh, 1) == "error"
    (folder / "valohai.yaml").write_text("- step:\n    name: train\n")
    assert "valohai.yaml" in vh("exec", "run", "--adhoc", "--no-validate-adhoc", "train", code=1)


@pytest.mark.usefixtures("project")
def test_lists_that_are_empty(vh):
    assert "No executions" in vh("exec", "list")
    vh("data", "list")
    assert "No data aliases" in vh("alias", "list")
    assert "This machine" in vh("environments")


@pytest.fixture
def git(folder) -> None:
    who = ["-c", "user.name=a", "-c", "user.email=a@b.example"]
    for words in (["init", "-qb", "main"], ["add", "."], ["commit", "-qm", "the first"]):
        subprocess.run(["git", *who, *words], cwd=folder, check=True)


@pytest.mark.usefixtures("git")
def test_a_folder_that_localhai_ran_is_a_project_with_its_commits(vh, server, folder):
    """What `localhai run` knows, `vh` may link to, and run its git commits."""
    environment = {**os.environ, "LOCALHAI_HOME": str(server.home)}
    words = [sys.executable, "-m", "localhai", "run", "train"]
    subprocess.run(words, cwd=folder, env=environment, check=True, capture_output=True, timeout=SECONDS)
    vh("project", "link", "project")
    assert "the first" in vh("project", "commits")
    vh("project", "fetch")
    (folder / "train.py").write_text("raise SystemExit('not committed')")
    vh("exec", "run", "train", "--epochs=4")
    assert ended(vh, 2) == "complete"
    assert "arguments ['--epochs=4']" in vh("exec", "logs", "2")


def test_what_waits_survives_the_server_and_what_runs_is_stopped(program, tmp_path, folder, environment):
    home = tmp_path / "home"
    first = Server(home)
    environment = {**environment, "VALOHAI_TOKEN": TOKEN}

    def call(server: Server, *words: str) -> str:
        known = {**environment, "VALOHAI_HOST": server.url}
        done = subprocess.run(
            [program, *words],
            cwd=folder,
            env=known,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=True,
        )
        return done.stdout

    call(first, "project", "create", "-n", "demo", "--link")
    for step in ("slow", "slow", "train"):
        call(first, "exec", "run", "--adhoc", step)
    until(lambda: '"started"' in call(first, "--output-format", "json", "exec", "info", "2"))
    said = first.end()
    assert first.process.returncode == 0
    assert "stopping 2 executions" in said
    assert "1 stays queued" in said
    second = Server(home)
    assert ended(lambda *words: call(second, *words), 1) == "stopped"
    assert ended(lambda *words: call(second, *words), 3) == "complete"
    second.end(signal.SIGINT)
    assert second.process.returncode == 0
