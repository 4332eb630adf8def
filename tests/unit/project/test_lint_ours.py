"""Our own cases: a line of a YAML file names the problems that are found in it, behind `# ->`."""

from __future__ import annotations

import re
from collections import Counter
from pathlib import Path

import pytest

from localhai.project.config import lint_file

CASES = Path(__file__).parents[2] / "cases" / "lint" / "ours"


def expected(path: Path) -> Counter[tuple[int, str, str]]:
    found: Counter[tuple[int, str, str]] = Counter()
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
        for severity, code in re.findall(r"(error|warning|hint) ([\w-]+)", line.partition("# ->")[2]):
            found[number, severity, code] += 1
    return found


@pytest.mark.parametrize("path", sorted(CASES.glob("*.yaml")), ids=lambda path: path.name)
def test_each_line_has_the_problems_that_it_names(path):
    report = lint_file(path)
    found = Counter((problem.position.line, problem.severity, problem.code) for problem in report.problems)
    assert found == expected(path)
    lines = path.read_text(encoding="utf-8").splitlines()
    assert all(problem.position.source == lines[problem.position.line - 1] for problem in report.problems)
