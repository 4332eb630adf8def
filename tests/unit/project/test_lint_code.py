"""What lint finds by a look at the code beside valohai.yaml."""

from __future__ import annotations

import pytest

from localhai.project.config import lint_file

YAML = """\
- step:
    name: train
    image: busybox
    command: {command}
    parameters:
      - {{name: lr, type: float, default: 0.1}}
    inputs:
      - {{name: data, optional: true{default}}}
"""


@pytest.fixture
def hinted(tmp_path):
    def look(command="python train.py", *, default="", **files):
        (tmp_path / "train.py").write_text("import sys\n")
        for name, content in files.items():
            (tmp_path / name.replace("_", ".")).write_text(content)
        path = tmp_path / "valohai.yaml"
        path.write_text(YAML.format(command=command, default=default))
        return [(problem.position.line, problem.code) for problem in lint_file(path).hints]

    return look


@pytest.mark.parametrize("command", ["python train.py", "sh -e ./train.py", "python -m train"])
def test_parameters_that_nothing_passes_on_are_hinted_at(hinted, command):
    assert hinted(command) == [(5, "unpassed-parameters")]


@pytest.mark.parametrize(
    "command",
    [
        "python train.py {parameters}",
        "python train.py --lr {parameter-value:lr}",
        "python train.py /valohai/config/parameters.json",
        "python other.py",
        "make",
    ],
)
def test_parameters_that_may_be_passed_on_are_not(hinted, command):
    assert hinted(command) == []


def test_code_that_reads_them_is_enough_and_so_is_an_address(hinted):
    assert hinted(lib_py="json.load(open('/valohai/config/parameters.json'))\n") == []
    assert hinted(lib_py="import valohai\n") == []
    assert hinted(lib_py="open('/valohai/inputs/data/x')\n") == [(5, "unpassed-parameters")]
    assert hinted(default=", default: 's3://b/{parameter:lr}'") == []


def test_an_odd_space_in_a_key_is_named_though_yaml_can_be_read(tmp_path):
    path = tmp_path / "valohai.yaml"
    path.write_text("- step:\n    name: x\n    \u00a0image: busybox\n    command: 'a\u00a0b'\n", encoding="utf-8")
    found = [(problem.position.line, problem.position.column) for problem in lint_file(path).warnings]
    assert found == [(3, 5)]
    path.write_text("- step:\n    name: x\n    image: busybox\n    command: 'a\u00a0b'\n", encoding="utf-8")
    assert lint_file(path).problems == ()
