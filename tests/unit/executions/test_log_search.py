"""Searches find every line that matches, by its number, and a hostile expression takes nothing but its own time."""

from __future__ import annotations

import random

import pytest

from localhai.errors import UsageError
from localhai.executions.log import search as searching
from localhai.executions.log.index import LOG
from localhai.executions.log.search import LogSearch, search


@pytest.fixture
def log(tmp_path):
    def write(text):
        data = text if isinstance(text, bytes) else text.encode()
        (tmp_path / LOG).write_bytes(data)
        return tmp_path

    return write


def found(folder, text, **how):
    return search(folder, LogSearch(text, **how)).after(0, 1000)


def test_lines_that_match_are_told_by_number(log):
    folder = log("one loss\ntwo\nLoss and loss\n\nthree\nlast loss")
    assert found(folder, "loss") == {"matches": [1, 3, 6], "count": 3, "more": False}
    assert found(folder, "Loss", case=True)["matches"] == [3]
    assert found(folder, r"^l.*s$", regex=True)["matches"] == [3, 6]
    assert found(folder, r"^l.*s$", regex=True, case=True)["matches"] == [6]
    assert found(folder, "absent") == {"matches": [], "count": 0, "more": False}


@pytest.mark.parametrize("text", ["a.b", "[", "(", "\\", "*"])
def test_a_text_is_no_expression(log, text):
    folder = log(f"axb\n{text}\n")
    assert found(folder, text)["matches"] == [2]


def test_letters_of_any_language_are_found(log):
    folder = log("größe\nGRÖSSE\n損失\n")
    assert found(folder, "größe")["matches"] == [1]
    assert found(folder, "損失")["matches"] == [3]
    assert found(folder, "GRÖ", regex=True)["matches"] == [1, 2]


@pytest.mark.parametrize("regex", [False, True])
def test_every_line_is_looked_at_once_wherever_pieces_end(log, monkeypatch, regex):
    monkeypatch.setattr(searching, "_PIECE", 64)
    dice = random.Random(3)  # noqa: S311  # dice
    rows = ["".join(dice.choice("ab ") for _ in range(dice.randrange(200))) for _ in range(300)]
    folder = log("\n".join(rows))
    expected = [number for number, row in enumerate(rows, 1) if "abba" in row]
    assert len(expected) > 50
    assert found(folder, "abba", regex=regex) == {"matches": expected, "count": len(expected), "more": False}


def test_the_next_matches_are_asked_for_after_a_line(log):
    folder = log("x\n" * 50)
    matches = search(folder, LogSearch("x"))
    assert matches.after(0, 20) == {"matches": [*range(1, 21)], "count": 50, "more": True}
    assert matches.after(30, 20) == {"matches": [*range(31, 51)], "count": 50, "more": False}
    assert matches.after(50, 20)["matches"] == []


def test_of_very_many_matches_the_first_are_known_and_all_are_counted(log, monkeypatch):
    monkeypatch.setattr(searching, "MOST", 10)
    folder = log("x\n" * 50)
    for regex in (False, True):
        assert found(folder, "x", regex=regex) == {"matches": [*range(1, 11)], "count": 50, "more": True}


def test_a_log_that_grew_is_looked_at_again(log):
    folder = log("x\n")
    assert found(folder, "x")["count"] == 1
    assert found(log("x\nx\n"), "x")["count"] == 2


def test_where_nothing_was_written_nothing_is_found(tmp_path):
    assert found(tmp_path, "x") == {"matches": [], "count": 0, "more": False}
    assert found(tmp_path, "x", regex=True)["count"] == 0


def test_bytes_that_are_no_text_are_passed(log):
    assert found(log(b"\xff\xfe loss \x00\n\xe9t\xe9\n"), "loss", regex=True)["matches"] == [1]


def test_an_expression_that_would_take_for_ever_is_given_up_in_words(log, monkeypatch):
    monkeypatch.setattr(searching, "SECONDS", 0.5)
    folder = log("a" * 40 + "!\n")
    with pytest.raises(UsageError, match=r"this regular expression took more than 0\.5 s"):
        search(folder, LogSearch(r"(a+)+$", regex=True))


@pytest.mark.parametrize("pattern", ["(", "[a", "*", "(?P<x", "a{99999999999}"])
def test_what_is_no_expression_is_refused_in_words(log, pattern):
    with pytest.raises(UsageError, match="this is no regular expression: "):
        search(log("x\n"), LogSearch(pattern, regex=True))


@pytest.mark.parametrize("text", ["", "a\nb", "x" * 1001])
def test_what_cannot_be_looked_for_is_refused_in_words(log, text):
    with pytest.raises(UsageError, match="a text of one line"):
        search(log("x\n"), LogSearch(text))
