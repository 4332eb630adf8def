"""troubleshooting.md speaks in the product's own words, and knows every hint that the product gives."""

from __future__ import annotations

import ast
import re

import pytest
from pages import ROOT

from localhai.containers.hints import hints

PAGE = (ROOT / "docs" / "troubleshooting.md").read_text(encoding="utf-8")


def spoken() -> str:
    """Every text of the package on one line, a value in it as `...`."""
    found = []
    for file in (ROOT / "localhai").rglob("*.py"):
        tree = ast.parse(file.read_text(encoding="utf-8"))
        for node in ast.walk(tree):
            if isinstance(node, ast.Constant) and isinstance(node.value, str):
                found.append(node.value)
            elif isinstance(node, ast.JoinedStr):
                parts = (part.value if isinstance(part, ast.Constant) else "..." for part in node.values)
                found.append("".join(map(str, parts)))
    return "\n".join(" ".join(text.split()) for text in found)


def quotations() -> list[str]:
    """First cells of the tables, and quoted beginnings of list items."""
    cells = [cell for cell in re.findall(r"^\| (`.+?`) \|", PAGE, re.MULTILINE) if cell]
    cells += re.findall(r"^- (`[^`]+`):", PAGE, re.MULTILINE)
    return [text for cell in cells for text in re.findall(r"`([^`]+)`", cell)]


WORDS = spoken()
STEP_FAILS = PAGE.split("## The step fails", 1)[1].split("\n## ", 1)[0]


@pytest.mark.parametrize("quotation", quotations())
def test_what_the_page_quotes_is_what_localhai_says(quotation: str) -> None:
    parts = [part.strip(" ,.;") for part in quotation.split("...")]
    for part in filter(None, parts):
        pieces = [part] if not re.fullmatch(r"exit code \d+", part) else ["exit code"]
        assert all(piece in WORDS for piece in pieces), part


ENDINGS = [
    {"exit_code": 137, "oom_killed": True},
    {"exit_code": 137},
    {"exit_code": 127, "lines": ["nvidia-smi: command not found"], "image": "python:3.11-slim"},
    {"exit_code": 1, "lines": ["CUDA out of memory"], "gpus": True},
    {"exit_code": 1, "lines": ["no kernel image is available for execution"], "gpus": True},
    {
        "exit_code": 1,
        "lines": ["ERROR: Could not open requirements file: [Errno 2] No such file or directory: 'requirements.txt'"],
    },
    {"exit_code": 2, "lines": ["python: can't open file '/valohai/repository/a.py': [Errno 2] No such file"]},
    {"exit_code": 1, "lines": ["ModuleNotFoundError: No module named 'torch'"]},
    {"exit_code": 127, "lines": ["sh: 1: python3: not found"]},
    {"exit_code": 127, "lines": ["sh: 1: wget: not found"]},
    {"exit_code": 127},
    {"exit_code": 127, "lines": ["bash: line 1: $'\\r': command not found"]},
    {"exit_code": 127, "lines": ["sh: 1: ./run.sh: not found"]},
    {"exit_code": 126, "lines": ["bash: /usr/bin/python: Argument list too long"]},
    {"exit_code": 1, "lines": ["exec /bin/sh: exec format error"]},
    {"exit_code": 126},
    {"exit_code": 1, "lines": ["PermissionError: [Errno 13] Permission denied: '/valohai/config/a'"]},
    {"exit_code": 1, "lines": ["PermissionError: [Errno 13] Permission denied: '/valohai/repository/a'"]},
    {"exit_code": 1, "lines": ["OSError: [Errno 28] No space left on device"]},
    {"exit_code": 1, "lines": ["Bus error (core dumped)"]},
    {"exit_code": 135},
    {"exit_code": 1, "lines": ['sudo: The "no new privileges" flag is set, which prevents sudo from']},
    {"exit_code": 1, "lines": ["RuntimeError: can't start new thread"]},
    {"exit_code": 1, "lines": ["Temporary failure in name resolution"]},
    {"exit_code": 139, "architecture": "amd64", "engine_architecture": "arm64"},
    {"exit_code": 139},
    {"exit_code": 143},
]


@pytest.mark.parametrize("ending", ENDINGS, ids=range(len(ENDINGS)))
def test_every_hint_has_its_row(ending: dict[str, object]) -> None:
    given = hints(**ending)  # type: ignore[arg-type]
    assert given
    rows = re.findall(r"^\| (`.+?`) \|", STEP_FAILS, re.MULTILINE)
    known = [text for row in rows for text in re.findall(r"`([^`]+)`", row)]
    patterns = [".*".join(map(re.escape, text.split("..."))) for text in known]
    for hint in given:
        assert any(re.search(pattern, hint) for pattern in patterns), hint


def test_every_rule_of_the_hints_is_tried() -> None:
    from localhai.containers.hints import _RULES, ExecutionFailure

    endings = [ExecutionFailure(**ending) for ending in ENDINGS]  # type: ignore[arg-type]
    for rule in _RULES:
        assert any(rule(ending, "\n".join(ending.lines)) for ending in endings), rule.__name__
