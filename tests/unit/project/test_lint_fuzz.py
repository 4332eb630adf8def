"""Whatever stands in the file, lint answers with problems that have a place; it never raises."""

from __future__ import annotations

import random
from copy import deepcopy
from pathlib import Path

import pytest
import yaml

from localhai.project.config import lint_text

EXAMPLES = sorted((Path(__file__).parents[2] / "cases" / "lint").glob("*/**/*.yaml"))
ODD = [
    None,
    True,
    8,
    0.5,
    "",
    "text",
    [],
    {},
    ["a", 1],
    {"name": "x"},
    {1: 2},
    [[]],
    [{}],
    [None],
    "a.b.c",
    {"a": {"b": []}},
]


def places(data):
    found, stack = [], [data]
    while stack:
        here = stack.pop()
        keys = list(here) if isinstance(here, dict) else range(len(here)) if isinstance(here, list) else []
        found += [(here, key) for key in keys]
        stack += [here[key] for key in keys]
    return found


@pytest.mark.parametrize("seed", range(25))
def test_spoiled_examples(seed):
    dice = random.Random(seed)  # noqa: S311  # repeatable, not secret
    for _ in range(3):
        text = dice.choice(EXAMPLES).read_text(encoding="utf-8")
        try:
            data = yaml.safe_load(text)
        except (ValueError, yaml.YAMLError):
            continue
        for _ in range(dice.randint(1, 4)):
            found = places(data)
            if found:
                where, key = dice.choice(found)
                where[key] = deepcopy(dice.choice(ODD))
        report = lint_text(yaml.safe_dump(data), "valohai.yaml")
        assert all(problem.position is not None for problem in report.problems)
        assert not [problem for problem in report.problems if problem.code == "platform"]


@pytest.mark.parametrize("seed", range(25))
def test_cut_and_shuffled_text(seed):
    dice = random.Random(seed)  # noqa: S311  # repeatable, not secret
    text = dice.choice(EXAMPLES).read_text(encoding="utf-8")
    for _ in range(dice.randint(1, 3)):
        start, end = sorted(dice.randrange(len(text)) for _ in range(2))
        filling = dice.choice(
            ["", "\t", "  ", ": ", "- ", "'", '"', "{", "]", "*a", "&a ", "<<: ", "\n", "!!set ", "%"]
        )
        text = text[:start] + filling + text[min(end, start + 20) :]
    for problem in lint_text(text, "valohai.yaml").problems:
        assert problem.position is not None
        assert problem.message
