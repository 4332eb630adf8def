"""The table below a running pipeline: which nodes it shows, and what it says of them."""

import io

import pytest
from rich.console import Console

from localhai.cli.pipeline.live import MOST_ROWS, LiveTable, _Row, shown


def drawn(table):
    """What a terminal would show, line by line."""
    stream = io.StringIO()
    Console(file=stream, width=100, no_color=True).print(table._table())
    return [line.rstrip() for line in stream.getvalue().splitlines()]


def test_it_says_how_far_each_node_is():
    table = LiveTable("pipeline #1 all", ["make", "show"])
    table.changed("make", "started")
    table.made("make", "#5")
    table.changed("make", "complete")
    heading, columns, make, show = drawn(table)
    assert heading == "pipeline #1 all: 1 complete, 1 created"
    assert columns.split() == ["Node", "Status", "Made", "Time"]
    assert make.split()[:3] == ["make", "complete", "#5"]
    assert len(make.split()) > 3  # with the time that it took
    assert show.split() == ["show", "created"]


def test_a_node_that_is_tried_again_begins_anew():
    table = LiveTable("p", ["flaky"])
    for status in ("started", "error", "queued", "started"):
        table.changed("flaky", status)
    (row,) = table._rows.values()
    assert row.ended is None
    assert row.started is not None


def test_few_nodes_are_all_shown():
    rows = [_Row(str(number)) for number in range(MOST_ROWS)]
    assert shown(rows) == rows


@pytest.mark.parametrize("running", [0, 1, MOST_ROWS + 3])
def test_of_many_nodes_those_that_run_come_first_then_those_that_wait(running):
    ended = [_Row(f"e{number}", "complete", ended=float(number)) for number in range(20)]
    waiting = [_Row(f"w{number}") for number in range(4)]
    now = [_Row(f"r{number}", "started") for number in range(running)]
    found = shown([*ended, *waiting, *now])
    assert len(found) == MOST_ROWS
    names = [row.name for row in found]
    expected = [f"r{number}" for number in range(running)][:MOST_ROWS]
    expected = [*[f"w{number}" for number in range(4)][: MOST_ROWS - len(expected)], *expected]
    room = MOST_ROWS - len(expected)
    assert names == [*[f"e{number}" for number in range(20 - room, 20)], *expected]  # in the order of valohai.yaml
