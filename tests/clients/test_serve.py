"""`localhai serve` itself: https, a home that is kept for no longer than it runs."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import tempfile
from pathlib import Path

import pytest
import requests
import yaml
from served import TOKEN, Served

pytestmark = pytest.mark.docker

ME = "/api/v0/users/me/"
HEADERS = {"Authorization": f"Token {TOKEN}"}


@pytest.fixture
def scratch(tmp_path, monkeypatch) -> Path:
    """Where temporary folders are made."""
    made = tmp_path / "tmp"
    made.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", None)
    monkeypatch.setenv("TMPDIR", str(made))
    return made


def test_https_beside_http_and_the_line_that_trusts_it(tmp_path):
    server = Served(tmp_path, "--https", "--https-port", "0", home=tmp_path / "home")
    try:
        trust = server.variable("REQUESTS_CA_BUNDLE")
        assert server.variable("SSL_CERT_FILE") == trust
        assert requests.get(server.url + ME, headers=HEADERS, timeout=10).ok
        answer = requests.get(server.https + ME, headers=HEADERS, verify=trust, timeout=10)
        assert answer.ok
        with pytest.raises(requests.exceptions.SSLError):
            requests.get(server.https + ME, timeout=10)
        listed = requests.get(f"{server.https}/api/v0/environments/?limit=1", headers=HEADERS, verify=trust, timeout=10)
        assert listed.ok
        assert requests.get(f"{server.url}/health", timeout=10).json()["status"] == "ok"
    finally:
        server.end()
    assert server.process.returncode == 0


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_an_ephemeral_server_leaves_nothing_behind(tmp_path, scratch, number):
    kept = tmp_path / "home"
    server = Served(tmp_path, "--ephemeral", home=kept)
    made = requests.post(f"{server.url}/api/v0/projects/", {"name": "demo"}, headers=HEADERS, timeout=10)
    assert made.status_code == 201
    assert os.listdir(scratch)
    server.end(number)
    assert server.process.returncode == 0
    assert os.listdir(scratch) == []
    assert not kept.exists()


def test_one_that_cannot_start_leaves_nothing_behind_either(tmp_path, scratch):
    first = Served(tmp_path, "--ephemeral")
    port = first.url.rpartition(":")[2]
    with pytest.raises(AssertionError, match="cannot listen"):
        Served(tmp_path, "--ephemeral", "--port", port)
    first.end()
    assert os.listdir(scratch) == []


SEED = """\
users:
  - name: ci
    token_variable: CI_TOKEN
projects:
  - name: seeded
    id: 0178b4f0-0000-0000-0000-00000000000a
    data:
      - {file: rows.csv, alias: rows}
"""
YAML = """\
- step:
    name: count
    image: python:3.11-slim
    command: echo "rows $(wc -l < /valohai/inputs/data/rows.csv)"
    inputs:
      - name: data
        default: datum://rows
"""


def test_ci_sets_up_everything_in_one_go(tmp_path, scratch, vh_program):
    (tmp_path / "seed.yaml").write_text(SEED)
    (tmp_path / "rows.csv").write_text("1\n2\n3\n")
    (tmp_path / "valohai.yaml").write_text(YAML)
    (tmp_path / "config").mkdir()
    server = Served(
        tmp_path, "--ephemeral", "--seed", str(tmp_path / "seed.yaml"), LOCALHAI_TOKEN="", CI_TOKEN="a-token-of-ci"
    )
    environment = {name: value for name, value in os.environ.items() if not name.lower().endswith("_proxy")}
    environment |= {
        "VALOHAI_HOST": server.url,
        "VALOHAI_TOKEN": "a-token-of-ci",
        "VALOHAI_PROJECT": "0178b4f0-0000-0000-0000-00000000000a",
        "VALOHAI_CONFIG_DIR": str(tmp_path / "config"),
    }

    def vh(*words: str) -> str:
        done = subprocess.run(
            [vh_program, *words],
            check=False,
            cwd=tmp_path,
            env=environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout + done.stderr

    assert "made a token" not in server.said
    assert "project seeded: 0178b4f0-0000-0000-0000-00000000000a" in server.said
    vh("exec", "run", "--adhoc", "count")
    assert "is complete" in vh("exec", "logs", "--stream", "1")
    assert "rows 3" in vh("exec", "logs", "1")
    server.end()
    assert os.listdir(scratch) == []


EXAMPLE = Path(__file__).resolve().parent.parent.parent / "example_project"


@pytest.mark.parametrize("name", ["github.yml", "gitlab.yml"])
def test_the_ci_jobs_of_the_example_do_what_they_say(tmp_path, scratch, vh_program, name):
    """Their commands as they stand there: the server beside the job, then the script of the job."""
    project = tmp_path / "example"
    shutil.copytree(EXAMPLE, project)
    document = yaml.safe_load((project / "ci" / name).read_text())
    job = document["jobs"]["in-the-job"] if name == "github.yml" else document["in-the-job"]
    commands = job.get("script") or [step["run"] for step in job["steps"] if "run" in step]
    variables = {**document.get("variables", {}), **job.get("env", {}), **job.get("variables", {})}
    variables = {key: value for key, value in variables.items() if not key.startswith("DOCKER_")}
    serve, check = commands[-2].removesuffix(" &").split(), commands[-1].split()
    assert serve[:2] == ["localhai", "serve"]
    server = Served(project, *serve[2:], **{**variables, "LOCALHAI_TOKEN": ""})
    environment = {key: value for key, value in os.environ.items() if not key.lower().endswith("_proxy")}
    environment |= {**variables, "VALOHAI_HOST": server.url, "VALOHAI_CONFIG_DIR": str(scratch)}
    environment["PATH"] = f"{vh_program.parent}:{environment['PATH']}"
    done = subprocess.run(
        check, cwd=project, env=environment, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False
    )
    server.end()
    assert done.returncode == 0, done.stdout + done.stderr
    assert (project / "outputs").is_dir()
