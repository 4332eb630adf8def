"""tests/cases/README.md: what holds each rule is there, and every case of those rules is named."""

from __future__ import annotations

import json
import re
from functools import cache
from pathlib import Path

import pytest

TESTS = Path(__file__).parents[1]
CASES = TESTS / "cases"
SECTIONS = ("7", "8", "9", "10")
ROWS = re.findall(r"^\| (.+?) \| (`.+`) \|$", (CASES / "README.md").read_text().partition("## Rules")[2], re.MULTILINE)
NAMES = {rule: re.findall(r"`([^`]+)`", held) for rule, held in ROWS}


@cache
def source(file: str) -> str:
    """A module of tests, by its name alone: no two are called the same."""
    found = list(TESTS.glob(f"*/**/{file}"))
    assert len(found) == 1, f"{file}: {found}"
    return found[0].read_text()


@pytest.mark.parametrize("rule", NAMES)
def test_what_holds_a_rule_is_there(rule: str) -> None:
    assert NAMES[rule]
    for name in NAMES[rule]:
        file, colons, test = name.partition("::")
        if colons:
            assert re.search(rf"^ *def {test}\(", source(file), re.MULTILINE), name
        else:
            assert (CASES / name / "valohai.yaml").exists(), name


def test_every_case_of_these_rules_is_named() -> None:
    named = {name for names in NAMES.values() for name in names}
    missing = []
    for path in CASES.glob("*/*.json"):
        document = json.loads(path.read_text())
        cited = document.get("reference", ()) if isinstance(document, dict) else ()
        if any(row.split(".")[0] in SECTIONS for row in cited) and path.parent.name not in named:
            missing.append(path.parent.name)
    assert missing == []


def test_each_row_is_a_rule() -> None:
    assert len(NAMES) == len(ROWS) > 60  # two rules of one text would hide one another
