from __future__ import annotations

import io
import re

import pytest

from localhai.cli.table import Column, print_table

DATUM = "datum://01a20cb7-b7f3-78f6-a537-1f140ff5b2e4"
COLUMNS = [Column("Name"), Column("Size", right=True), Column("Datum"), Column("Says")]
ROWS = [["model.json", "20.2 kB", DATUM, "the first that was any good, says the evaluation"], ["a", "1 B", DATUM, None]]


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def table(monkeypatch: pytest.MonkeyPatch, width: int) -> list[str]:
    monkeypatch.setenv("COLUMNS", str(width))
    monkeypatch.setenv("TERM", "xterm")
    target = Terminal()
    print_table(COLUMNS, ROWS, stream=target)
    return [line.rstrip() for line in re.sub(r"\x1b\[[0-9;]*m", "", target.getvalue()).splitlines()]


def test_a_wide_terminal_shows_every_row_on_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    lines = table(monkeypatch, 200)
    assert len(lines) == 4
    assert lines[0].split() == ["Name", "Size", "Datum", "Says"]
    assert lines[1].strip(" ─") == ""
    assert DATUM in lines[2]
    assert lines[2].endswith("evaluation")


def test_long_texts_are_broken_between_words_and_ids_never(monkeypatch: pytest.MonkeyPatch) -> None:
    lines = table(monkeypatch, 100)
    assert max(map(len, lines)) <= 100
    assert sum(DATUM in line for line in lines) == 2
    assert len(lines) == 5


@pytest.mark.parametrize("width", [20, 40, 80])
def test_a_terminal_too_narrow_for_ids_gets_plain_lines(monkeypatch: pytest.MonkeyPatch, width: int) -> None:
    lines = table(monkeypatch, width)
    assert len(lines) == 3
    assert all(DATUM in line for line in lines[1:])


def test_names_and_values_of_a_step_cannot_steer_the_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TERM", "xterm")
    hostile = [["\x1b]52;c;eA==\x07\u202egnp\rx", "\x1b[31m1"]]
    for width in ("200", "20"):
        monkeypatch.setenv("COLUMNS", width)
        target = Terminal()
        print_table([Column("Name"), Column("Value")], hostile, stream=target)
        assert not re.search("[\x07\r\u202e]|\x1b\\]|\x1b\\[31m", target.getvalue())
        assert "\\x1b]52;c;eA==\\x07\\u202egnp\\x0dx" in target.getvalue()

    pipe = io.StringIO()
    print_table([Column("Name"), Column("Value")], hostile, stream=pipe)
    assert hostile[0][0] in pipe.getvalue()
