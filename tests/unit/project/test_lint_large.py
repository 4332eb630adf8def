"""Pipelines with thousands of nodes: the work of lint is linear, counted and not timed."""

from __future__ import annotations

import sys

import pytest
from valohai_yaml.objs import Config

from localhai.project.checks import findings, pipeline
from localhai.project.checks.edge import CheckedEdge, End
from localhai.project.checks.findings import Findings
from localhai.project.checks.items import Item
from localhai.project.config import examine, lint_text
from localhai.project.document import parse
from localhai.project.positions import PositionMap

FAN = 5
STEP = """
- step:
    name: s
    image: i
    command: "true"
    inputs:
      - name: in
"""


def large_yaml(count, *, closed=False):
    """A pipeline in which every node feeds the next five; closed, it is a cycle."""
    edges = [(number - back, number) for back in range(1, FAN + 1) for number in range(back, count)]
    if closed:
        edges.append((count - 1, 0))
    nodes = "".join(f"      - {{name: n{number}, type: execution, step: s}}\n" for number in range(count))
    lines = "".join(f'      - ["n{source}.output.*", n{target}.input.in]\n' for source, target in edges)
    return f"{STEP}- pipeline:\n    name: big\n    nodes:\n{nodes}    edges:\n{lines}"


def work(text):
    """How many lines of Python the checks go through, those of valohai-yaml included."""
    document = parse(text, "valohai.yaml")
    done = 0

    def trace(*_):
        nonlocal done
        done += 1
        return trace

    before = sys.gettrace()
    sys.settrace(trace)
    try:
        examine(document)
    finally:
        sys.settrace(before)
    return done


def test_twice_the_nodes_and_edges_are_twice_the_work():
    lint_text(large_yaml(2), "valohai.yaml")  # reads the schema
    small, large = work(large_yaml(40)), work(large_yaml(80))
    assert 10_000 < small < large < 2.15 * small


class Name(str):
    """A name that counts how often it is compared."""

    __slots__ = ()
    compared = 0

    def __eq__(self, other):
        Name.compared += 1
        return str.__eq__(self, other)

    __hash__ = str.__hash__


@pytest.mark.parametrize("closed", [False, True])
def test_each_edge_is_looked_at_once_for_cycles(closed):
    def compared(count):
        names = [(number, number + 1) for number in range(count)] + ([(count, 0)] if closed else [])
        edges = [
            CheckedEdge(
                End(Name(f"n{source}"), "dependency", "", ()), End(Name(f"n{target}"), "dependency", "", ()), ()
            )
            for source, target in names
        ]
        Name.compared = 0
        found = Findings(PositionMap("valohai.yaml", "", None))
        pipeline._check_cycles(Item("pipeline", 0, {"name": "big"}, is_sound=True), edges, found)
        assert bool(found.problems()) is closed
        return Name.compared

    small, large = compared(500), compared(1000)
    assert large < 2.1 * small


def test_a_cycle_of_hundreds_is_said_in_one_short_message():
    (problem,) = lint_text(large_yaml(300, closed=True), "valohai.yaml").errors
    assert problem.code == "cycle"
    assert "n9 -> (280 more) -> n290 -> " in problem.message
    assert problem.message.endswith("-> n299 -> n0")


def test_the_platforms_linter_says_the_same_about_our_copy_of_a_pipeline():
    """It is given one that makes its map of nodes once: nothing else about it differs."""
    text = large_yaml(3).replace("step: s}", "step: s, edge-merge-mode: append}")
    config = Config.parse(parse(text, "valohai.yaml").data)
    _, checked = examine(parse(text, "valohai.yaml"))
    assert checked.pipelines["big"].serialize() == config.pipelines["big"].serialize()
    assert type(checked.pipelines["big"]) is type(config.pipelines["big"])


def test_what_the_platforms_linter_says_of_edges_is_said(monkeypatch):
    from localhai.project.checks import edge

    monkeypatch.setattr(edge, "check", lambda *_: [])
    problems = lint_text(large_yaml(2).replace("n1.input", "n7.input"), "valohai.yaml").errors
    assert [problem.message for problem in problems] == ["Pipeline big edge target node n7 does not exist"]


def test_the_nearest_node_is_looked_for_so_often_and_no_more(monkeypatch):
    monkeypatch.setattr(findings, "_MOST_COMPARED", 60)
    text = large_yaml(20).replace("input.in]", "input.in]\n" + '      - ["n1.output.*", nn19.input.in]', 5)
    found = [problem.hint for problem in lint_text(text, "valohai.yaml").errors]
    assert found == ["did you mean n19?"] * 3 + [None] * 2
