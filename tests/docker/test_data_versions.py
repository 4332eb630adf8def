"""Datasets, models and aliases on a real engine, by the commands that a person types, in processes of their own."""

from __future__ import annotations

import json
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

import pytest
from waiting import until

pytestmark = pytest.mark.docker

YAML = """\
- step:
    name: make
    image: python:3.11-slim
    command:
      - echo {parameter-value:text} > /valohai/outputs/words.txt
      - cp said.json /valohai/outputs/words.txt.metadata.json
    parameters:
      - {name: text, default: first}
- step:
    name: use
    image: python:3.11-slim
    command: cat /valohai/inputs/words/words.txt
    inputs:
      - {name: words, default: "dataset://words/latest"}
- step:
    name: use-slowly
    image: python:3.11-slim
    command: sleep 4; cat /valohai/inputs/words/words.txt > /valohai/outputs/copy.txt
    inputs:
      - {name: words, default: "datum://best"}
"""


@pytest.fixture
def project(tmp_path):
    folder = tmp_path / "words"
    folder.mkdir()
    (folder / "valohai.yaml").write_text(YAML)
    say(folder, {"valohai.alias": "best", "valohai.dataset-versions": ["dataset://words/v1"]})
    return folder


def say(project, said):
    (project / "said.json").write_text(json.dumps(said))


def start(project, *arguments):
    command = [sys.executable, "-m", "localhai.cli", *arguments]
    return subprocess.Popen(command, cwd=project, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def localhai(project, *arguments):
    process = start(project, *arguments)
    out, err = process.communicate(timeout=120)
    assert process.returncode == 0, out + err
    return out


def document(project, *arguments):
    return json.loads(localhai(project, *arguments, "--json"))


def test_an_execution_keeps_the_datum_that_an_alias_meant_when_it_was_created(project):
    localhai(project, "run", "make")
    running = start(project, "run", "use-slowly")

    def started():
        assert running.poll() is None
        return any(item["status"] == "started" for item in document(project, "execution", "list"))

    until(started)
    say(project, {"valohai.alias": "best"})
    localhai(project, "run", "make", "--text=second")
    out, err = running.communicate(timeout=120)
    assert running.returncode == 0, out + err

    first, second = (document(project, "execution", "outputs", number)[0]["id"] for number in ("1", "3"))
    assert document(project, "alias", "info", "best")["datum"]["id"] == second
    used = document(project, "execution", "info", "2")["inputs"][0]["files"][0]["uri"]
    assert used == f"datum://{first}"
    localhai(project, "rerun", "2")
    assert document(project, "execution", "info", "latest")["inputs"][0]["files"][0]["uri"] == used


def test_of_executions_that_make_one_dataset_version_at_once_one_does_and_all_say_so(project):
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda number: localhai(project, "run", "make", f"--text=word-{number}"), range(4)))
    (version,) = document(project, "dataset", "info", "words")
    assert len(version["files"]) == 1
    logs = [localhai(project, "execution", "logs", str(number), "--status") for number in range(1, 5)]
    assert sum("dataset://words/v1 is not made: it exists already" in log for log in logs) == 3


def test_a_version_is_made_of_an_execution_that_fails_too(project):
    (project / "valohai.yaml").write_text(YAML.replace("metadata.json\n", "metadata.json\n      - exit 3\n", 1))
    process = start(project, "run", "make")
    process.communicate(timeout=120)
    assert process.returncode == 1
    assert [item["name"] for item in document(project, "dataset", "info", "words/v1")["files"]] == ["words.txt"]
    assert "first" in localhai(project, "run", "use")


def test_lineage_spans_everything_that_was_made(project):
    say(project, {"valohai.dataset-versions": ["dataset://words/v1"], "valohai.model-versions": ["model://m/"]})
    localhai(project, "run", "make")
    localhai(project, "run", "use-slowly", "--words=model://m/1")
    made = document(project, "execution", "outputs", "latest")[0]["id"]
    lines = localhai(project, "lineage", made, "--up").splitlines()
    assert [line.strip("└─├│ ").split(" ")[0] for line in lines[1:]] == ["copy.txt", "#2", "input", "#1"]
