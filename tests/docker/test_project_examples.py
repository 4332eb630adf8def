"""Those examples of valohai-yaml whose steps mean something by themselves, on a real engine.

The images that they name are stood in for by the one that is here; programs of theirs are written as short ones.
"""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.docker

EXAMPLES = Path(__file__).parents[1] / "cases" / "lint" / "valohai_yaml" / "examples"
SETTINGS = """\
[images]
"busybox" = "python:3.11-slim"
"python:3.12" = "python:3.11-slim"
"python:3.13" = "python:3.11-slim"

[inputs]
"s3://*" = "any.bin"
"""
NOTES = {"do": "a", "re": "deer", "mi": "drop", "fa": "of", "so": "sun", "la": "is", "ti": "far"}
PROGRAMS = {
    "preprocess.py": "print('{\"rows\": 7}'); open('/valohai/outputs/processed-data.csv', 'w').write('1,2')",
    "train.py": "import os; print(open('/valohai/inputs/training-data/processed-data.csv').read()); "
    "print(os.environ['DATA_VERSION']); open('/valohai/outputs/model.pkl', 'w').write('m')",
    "evaluate.py": "import os; print(os.listdir('/valohai/inputs/model'), os.environ['DATA_VERSION'])",
    "generate_report.py": "print('reported')",
}


@pytest.fixture
def project(tmp_path):
    """`project(example)(*words)`: exit code and document of `localhai WORDS --json` in a project of that example."""

    def lay_out(name):
        folder = tmp_path / "example"
        folder.mkdir()
        shutil.copy(EXAMPLES / name, folder / "valohai.yaml")
        for file, text in {"localhai.toml": SETTINGS, "any.bin": "1", **PROGRAMS}.items():
            (folder / file).write_text(text)

        def localhai(*words):
            command = [sys.executable, "-m", "localhai.cli", *words]
            done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False, timeout=180)
            assert done.returncode == 0, done.stdout + done.stderr
            return done.stdout

        return localhai

    return lay_out


def stdout_of(localhai, step, *words):
    assert json.loads(localhai("run", step, *words, "--json"))["status"] == "complete"
    return localhai("execution", "logs", "latest", "--stdout").splitlines()


@pytest.mark.parametrize("step", ["Do a thing", "Do the same thing in another way"])
def test_a_shebang_is_the_first_line_of_the_script(project, step):
    lines = stdout_of(project("shebang-example.yaml"), step, "--wibble=3")
    assert lines == ["The wibble is --wibble=3 today.", "No arguments provided"]


def test_parameters_stand_in_the_order_of_the_command(project):
    words = [f"--{name}={value}" for name, value in NOTES.items()]
    words += [f"--{name}=any.bin" for name in ("drums", "bass", "guitar", "vocals")]
    assert stdout_of(project("keep-order.yaml"), "sing a melody", *words) == [" ".join(words[:7])]


def test_lists_are_repeated_or_joined(project):
    (line,) = stdout_of(project("multiple-param.yaml"), "example")
    assert "--encoder-layers=1000-500-250-250-250-10" in line
    assert "--decoder-spec gauss --decoder-spec railgun" in line


def test_variables_of_groups_come_from_elsewhere(project):
    localhai = project("environment-variable-group-example.yaml")
    assert "COLOUR=red" in stdout_of(localhai, "Print the environment", "--var", "COLOUR=red")


def test_edges_of_every_kind_carry_what_they_say(project):
    localhai = project("pipeline-edge-types-example.yaml")
    document = json.loads(localhai("pipeline", "run", "Edge types showcase", "--report.results=s3://b/any", "--json"))
    assert document["status"] == "complete"
    executions = {node["name"]: node["execution"]["counter"] for node in document["nodes"]}
    assert localhai("execution", "logs", str(executions["train"]), "--stdout").splitlines() == ["1,2", "v1.0"]
    last = localhai("execution", "logs", str(executions["evaluate"]), "--stdout")
    assert last.splitlines() == ["['model.pkl'] v1.0"]


def test_a_node_that_may_be_tried_again_is_not_when_it_succeeds(project):
    document = json.loads(project("pipeline-execution-retry-example.yaml")("pipeline", "run", "pipe", "--json"))
    assert [node["execution"]["counter"] for node in document["nodes"]] == [1]
