"""The house stays in order: no circle of files, no public class name twice, nothing too long to read."""

from __future__ import annotations

import ast
from collections import defaultdict
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

pytestmark = pytest.mark.sources
PACKAGE = Path(__file__).resolve().parents[2] / "localhai"
TREES = {
    ".".join(("localhai", *path.relative_to(PACKAGE).with_suffix("").parts)).removesuffix(".__init__"): ast.parse(
        path.read_text(encoding="utf-8")
    )
    for path in PACKAGE.rglob("*.py")
}
LONGEST_FILE = 400
LONGEST_FUNCTION = 70


def imported(tree: ast.Module) -> set[str]:
    """Our own modules that a module names, those for its types alone included."""
    found = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            found |= {item.name for item in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            names = {f"{node.module}.{item.name}" for item in node.names}
            found |= (names & TREES.keys()) | ({node.module} if names - TREES.keys() else set())
    return found & TREES.keys()


def test_files_do_not_import_one_another_in_circles() -> None:
    try:
        tuple(TopologicalSorter({name: imported(tree) - {name} for name, tree in TREES.items()}).static_order())
    except CycleError as error:
        raise AssertionError(" -> ".join(error.args[1])) from None


def test_a_public_class_name_occurs_once() -> None:
    places = defaultdict(list)
    for name, tree in TREES.items():
        for node in ast.walk(tree):
            if isinstance(node, ast.ClassDef) and not node.name.startswith("_"):
                places[node.name].append(name)
    assert {name: found for name, found in places.items() if len(found) > 1} == {}


def test_files_and_functions_can_be_read() -> None:
    long = [name for name, tree in TREES.items() if _last_line(tree) > LONGEST_FILE]
    for name, tree in TREES.items():
        for node in ast.walk(tree):
            if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
                lines = (node.end_lineno or 0) - node.lineno + 1
                long += [f"{name}.{node.name}: {lines}"] if lines > LONGEST_FUNCTION else []
    assert long == []


def _last_line(tree: ast.Module) -> int:
    return max((node.end_lineno or 0 for node in tree.body), default=0)
