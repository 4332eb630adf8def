"""The valohai.yaml of every case: the verdict of the platform's linter, unless it is said why ours is another."""

from __future__ import annotations

from pathlib import Path

import pytest
from valohai_yaml.lint import lint_file as lint_as_platform

from localhai.project.config import lint_file

CASES = Path(__file__).parents[2] / "cases"
NAMES = sorted(path.parent.name for path in CASES.glob("*/valohai.yaml"))
EDGES = "the platform does not look at what edges carry"
DIFFERENCES = {
    # case: (has errors, has warnings, why ours differs from the platform's linter)
    "command-pitfalls": (False, True, "the platform does not look at how items of a command are joined"),
    "inputs-filename": (False, True, "the platform does not look at where a forced name leads"),
    "inputs-parameter-in-uri": (False, True, "the platform does not look at parameters in addresses"),
    "pipeline-action-grammar": (False, True, "the platform does not look at conditions, and one cannot be read"),
    "pipeline-action-require-approval": (False, False, "the platform has require-approval, its linter lags behind"),
    "pipeline-action-several": (False, False, "the platform has require-approval, its linter lags behind"),
    "pipeline-cycle": (True, False, "the platform does not look for cycles, and this one can never run"),
    "pipeline-edge-other-pairs": (False, True, EDGES),
    "pipeline-edge-parameter-twice": (False, True, EDGES),
    "task-manual-uneven": (False, True, "the platform does not look at the keys of parameter sets"),
}


@pytest.mark.parametrize("name", NAMES)
def test_the_verdict_is_the_platform_s(name: str) -> None:
    path = CASES / name / "valohai.yaml"
    ours, platform = lint_file(path), lint_as_platform(str(path))
    verdict = (bool(ours.errors), bool(ours.warnings))
    theirs = (platform.error_count > 0, platform.warning_count > 0)
    if name in DIFFERENCES:
        assert verdict == DIFFERENCES[name][:2]
        assert verdict != theirs, "no difference any more"
    else:
        assert verdict == theirs, ours.problems


def test_differences_are_those_of_cases_that_there_are() -> None:
    assert DIFFERENCES.keys() <= set(NAMES)
