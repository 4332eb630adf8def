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
from vh_command import interrupted
from waiting import until

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


def test_the_readme_with_the_example_project(tmp_path, vh_program):
    """Its localhai.toml, in whose folder the server starts, names the folder of the S3 that the first step reads."""
    project = tmp_path / "example"
    shutil.copytree(EXAMPLE, project)
    readme = (EXAMPLE.parent / "README.md").read_text()
    typed = readme.partition("$ localhai serve\n")[2].partition("```")[0]
    commands = [line.removeprefix("$ vh ").split() for line in typed.splitlines()]
    assert [words[0] for words in commands] == ["login", "project", "pipeline", "exec", "exec"]
    server = Served(project, home=tmp_path / "home")
    config = tmp_path / "config"
    config.mkdir()
    environment = {key: value for key, value in os.environ.items() if not key.lower().endswith("_proxy")}
    environment["VALOHAI_CONFIG_DIR"] = str(config)

    def vh(*words: str) -> str:
        here = [{"http://127.0.0.1:8000": server.url, "TOKEN": TOKEN}.get(word, word) for word in words]
        done = subprocess.run(
            [vh_program, *here],
            check=False,
            cwd=project,
            env=environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout + done.stderr

    login, create, pipeline, train, outputs = commands
    try:
        for words in (login, create, pipeline):
            vh(*words)
        until(lambda: any(f"| {status}" in vh("pipeline", "list") for status in ("complete", "error")))
        assert "| complete" in vh("pipeline", "list"), vh("exec", "logs", "1")
        vh(*(word for word in train if word != "--watch"))  # which ends by Ctrl-C alone
        assert "is complete" in vh("exec", "logs", "--stream", "4")
        vh(*outputs)
        assert (project / "model.json").stat().st_size > 0
    finally:
        server.end()


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


PIPELINE_YAML = """\
- step:
    name: train
    image: python:3.11-slim
    command: echo '{"loss":0.5}' | tee /valohai/outputs/model.json
- step:
    name: evaluate
    image: python:3.11-slim
    command: cat /valohai/inputs/model/model.json
    inputs:
      - name: model
- pipeline:
    name: train-and-evaluate
    nodes:
      - {name: train, type: execution, step: train}
      - {name: evaluate, type: execution, step: evaluate}
    edges:
      - [train.output.model.json, evaluate.input.model]
"""


def test_what_the_page_shows_a_person_with_vh_works_from_login_to_pipeline(tmp_path, vh_program):
    page = (Path(__file__).resolve().parents[2] / "docs" / "serve.md").read_text()
    shown = page.split("## With `vh`")[1].split("```console\n")[1].split("```")[0]
    (tmp_path / "project").mkdir()
    (tmp_path / "config").mkdir()
    (tmp_path / "project" / "valohai.yaml").write_text(PIPELINE_YAML)
    server = Served(tmp_path, home=tmp_path / "home", LOCALHAI_TOKEN="my-local-token")
    headers = {"Authorization": "Token my-local-token"}
    environment = {name: value for name, value in os.environ.items() if not name.lower().endswith("_proxy")}
    environment["VALOHAI_CONFIG_DIR"] = str(tmp_path / "config")

    def statuses(kind: str) -> list[str]:
        rows = requests.get(f"{server.url}/api/v0/{kind}/", headers=headers, timeout=10).json()["results"]
        return [row["status"] for row in rows]

    try:
        for line in shown.splitlines():
            words = [vh_program, *line.replace("http://127.0.0.1:8000", server.url).split()[2:]]
            process = subprocess.Popen(
                words,
                cwd=tmp_path / "project",
                env=environment,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                text=True,
            )
            if "--watch" in words:  # until Ctrl-C, as on the platform
                said = interrupted(process, "Status: complete")
                assert statuses("executions") == ["complete"]
            else:
                said, _ = process.communicate(timeout=60)
            assert process.returncode == 0, f"{line}\n{said}"
        until(lambda: statuses("pipelines") == ["complete"])
        assert statuses("executions") == ["complete"] * 3
        assert (tmp_path / "project" / "model.json").read_text() == '{"loss":0.5}\n'
    finally:
        server.end()


def test_vh_logs_in_by_a_password_and_by_https(tmp_path, vh_program):
    server = Served(tmp_path, "--https", "--https-port", "0", home=tmp_path / "home")
    (tmp_path / "config").mkdir()
    environment = {name: value for name, value in os.environ.items() if not name.lower().endswith("_proxy")}
    for name in ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"):  # those count for more than what vh is told
        environment.pop(name, None)
    environment["VALOHAI_CONFIG_DIR"] = str(tmp_path / "config")

    def vh(*words: str) -> tuple[int, str]:
        done = subprocess.run(
            [vh_program, *words],
            cwd=tmp_path,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
        )
        return done.returncode, done.stdout

    try:
        name = requests.get(server.url + ME, headers=HEADERS, timeout=10).json()["username"]
        code, said = vh("login", "--host", server.url, "-u", name, "-p", TOKEN)
        assert (code, "Logged in" in said) == (0, True), said
        code, said = vh("login", "-y", "--host", server.url, "-u", name, "-p", "not-the-token")
        assert (code, "Unable to log in" in said) == (1, True), said
        trust = server.variable("REQUESTS_CA_BUNDLE")
        code, said = vh("login", "-y", "--host", server.https, "--ca-file", trust, "--token", TOKEN)
        assert (code, "Logged in" in said) == (0, True), said
        code, said = vh("environments")
        assert (code, "This machine" in said) == (0, True), said
        code, said = vh("login", "-y", "--host", server.https, "--token", TOKEN)
        assert code == 1, "nobody said that it may be trusted"
    finally:
        server.end()


def test_a_token_is_made_at_the_first_start_shown_once_and_needed(tmp_path):
    home = tmp_path / "home"
    first = Served(tmp_path, home=home, LOCALHAI_TOKEN="")
    token = (home / "server" / "token").read_text().strip()
    try:
        assert first.url.startswith("http://127.0.0.1:")
        assert token in first.said
        assert (home / "server" / "token").stat().st_mode & 0o777 == 0o600
        assert (home / "server" / "signing-key").stat().st_mode & 0o777 == 0o600
        assert requests.get(first.url + ME, timeout=10).status_code == 401
        assert requests.get(first.url + ME, headers={"Authorization": f"Token {token}"}, timeout=10).ok
    finally:
        said = first.end()
    assert token not in said
    second = Served(tmp_path, home=home, LOCALHAI_TOKEN="")
    second.end()
    assert token not in second.said
    assert f"clients ask with the token in {home / 'server' / 'token'}" in second.said


def test_a_start_without_the_seed_replaces_no_token(tmp_path):
    home = tmp_path / "home"
    (tmp_path / "seed.toml").write_text('[[users]]\nname = "ada"\ntoken = "a-token-of-ada"\n')
    Served(tmp_path, "--seed", str(tmp_path / "seed.toml"), home=home, LOCALHAI_TOKEN="").end()
    second = Served(tmp_path, home=home, LOCALHAI_TOKEN="")
    try:
        assert requests.get(second.url + ME, headers={"Authorization": "Token a-token-of-ada"}, timeout=10).ok
        assert "LOCALHAI_TOKEN=... or a seed gives ada another one" in second.said
        assert not (home / "server" / "token").exists()
    finally:
        second.end()
