"""valohai-yaml's own example files: the platform's verdict, with positions, in words of our own."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from valohai_yaml.lint import lint_file as lint_as_platform

from localhai.project.config import lint_file

EXAMPLES = Path(__file__).parents[2] / "cases" / "lint" / "valohai_yaml"
PATHS = sorted(EXAMPLES.glob("*/*.yaml"))

EMPTY_INPUTS = "nodes leave required inputs empty: they run only when somebody gives files by hand each time"
DIFFERENCES = {
    # file: (has errors, has warnings, why ours differs from the platform's linter)
    "pipeline-edge-types-example.yaml": (False, True, EMPTY_INPUTS),
    "pipeline-example.yaml": (False, True, f"edges set parameters that the steps do not declare, and {EMPTY_INPUTS}"),
    "pipeline-with-automatic-deployment-creation.yaml": (False, True, EMPTY_INPUTS),
    "pipeline-with-override-example.yaml": (False, True, EMPTY_INPUTS),
    "nonsensical-task-bits.yaml": (True, True, "its task names a step that does not exist, and fails when it is run"),
}
JARGON = re.compile(
    r"validation on|one\s?of\b.*schema|is not of type|additional properties|under any of|'type'|"
    r"required property|NoneType|OrderedDict|Traceback|schema",
    re.IGNORECASE,
)


@pytest.mark.parametrize("path", PATHS, ids=lambda path: f"{path.parent.name}/{path.name}")
def test_verdict_is_the_platform_s(path):
    ours, platform = lint_file(path), lint_as_platform(str(path))
    verdict = (bool(ours.errors), bool(ours.warnings))
    if path.name in DIFFERENCES:
        assert verdict == DIFFERENCES[path.name][:2]
        assert verdict != (platform.error_count > 0, platform.warning_count > 0), "no difference any more"
    else:
        assert verdict == (platform.error_count > 0, platform.warning_count > 0)


@pytest.mark.parametrize("path", PATHS, ids=lambda path: f"{path.parent.name}/{path.name}")
def test_problems_have_their_place_and_speak_of_the_file(path):
    lines = path.read_text(encoding="utf-8").splitlines()
    for problem in lint_file(path).problems:
        assert problem.position is not None
        assert problem.position.file == str(path)
        assert problem.position.source == lines[problem.position.line - 1]
        assert 1 <= problem.position.column <= len(problem.position.source) + 1
        assert not JARGON.search(problem.message), problem.message
        assert not JARGON.search(problem.hint or ""), problem.hint


def test_there_are_examples_of_each_kind():
    assert {path.parent.name for path in PATHS} == {"examples", "errors", "warnings", "valid"}
    assert len(PATHS) > 60


@pytest.mark.parametrize(
    ("name", "line", "column", "source", "message"),
    [
        (
            "errors/step-missing-required-properties.yaml",
            6,
            14,
            "    command: 8",
            "command must be text or a list of texts, not the number 8",
        ),
        ("errors/step-missing-required-properties.yaml", 1, 3, "- step:", "the step has no command and no name"),
        (
            "errors/input-name-too-long.yaml",
            6,
            15,
            "      - name: this-input-name-is-way-too-long-and-will-cause-the-validation-to-fail",
            "name must have at most 64 characters, and this has 69",
        ),
        (
            "errors/invalid-indentation-with-valid-YAML.yaml",
            1,
            3,
            "- step:",
            "step is empty, and a mapping (`key: value` lines) is needed",
        ),
        (
            "warnings/invalid-numeric-range-parameter-default.yaml",
            8,
            13,
            "          - 1337",
            "the default of parameter 'value' is 1337, more than max 100",
        ),
        (
            "errors/invalid-edge-parts.yaml",
            19,
            42,
            "      - [batch1.output.training-labels*, batch2.input]",
            "'batch2.input' has 2 parts, and an end of an edge has three",
        ),
    ],
)
def test_messages(name, line, column, source, message):
    found = {
        (p.position.line, p.position.column, p.position.source, p.message) for p in lint_file(EXAMPLES / name).problems
    }
    assert (line, column, source, message) in found


@pytest.mark.parametrize(
    ("name", "hint"),
    [
        ("errors/endpoint-names-invalid.yaml", "did you mean server-endpoint?"),
        ("errors/invalid-pipeline-with-override-example.yaml", "did you mean second step?"),
        ("errors/invalid-task-blueprint-reference.yaml", "did you mean existing-task?"),
    ],
)
def test_hints(name, hint):
    assert hint in [problem.hint for problem in lint_file(EXAMPLES / name).errors]
