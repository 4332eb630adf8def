"""Pages of a log are what reading all of it gives, wherever they begin and whatever became of its index."""

from __future__ import annotations

import random

import pytest

from localhai.executions.log import lines, log
from localhai.executions.log.index import INDEX, LOG
from localhai.executions.log.lines import LONGEST, LineIndex, count_lines
from localhai.executions.log.log import LogWriter, read_events


def written(folder, pieces):
    writer = LogWriter(folder)
    for number, (stream, data) in enumerate(pieces):
        writer.write(stream, data, 1_700_000_000 + number / 1000)
    writer.close()


def mixed(seed, number):
    """Lines in pieces, of three streams that break into each other now and then."""
    dice = random.Random(seed)  # noqa: S311  # dice
    for n in range(number):
        stream = dice.choice(["stdout", "stdout", "stdout", "stderr", "status"])
        end = b"" if dice.random() < 0.1 else b"\n"
        yield (
            stream,
            b"".join(b"%d of %d\n" % (i, n) for i in range(dice.randrange(4))) + b"x" * dice.randrange(60) + end,
        )
    for stream in ("stdout", "stderr", "status"):
        yield stream, b"\n"


def facts(page):
    return [(line.n, line.event.stream, line.event.time, line.event.message) for line in page.lines]


def expected(folder, first, last):
    events = list(read_events(folder))
    return [(n, e.stream, e.time, e.message) for n, e in enumerate(events, 1) if first <= n <= last]


@pytest.fixture
def small_blocks(monkeypatch):
    monkeypatch.setattr(lines, "_BLOCK", 512)
    monkeypatch.setattr(log.index, "_NEAR", 64)


@pytest.mark.usefixtures("small_blocks")
@pytest.mark.parametrize("seed", range(5))
def test_any_page_is_what_reading_all_gives(tmp_path, seed):
    written(tmp_path, mixed(seed, 500))
    index = LineIndex(tmp_path)
    total = len(list(read_events(tmp_path)))
    assert index.total(complete=True) == total
    for first in (1, 2, 17, total // 2, total - 3, total):
        assert facts(index.page(first, 40, complete=True)) == expected(tmp_path, first, first + 39)


@pytest.mark.usefixtures("small_blocks")
def test_negative_lines_count_from_the_end(tmp_path):
    written(tmp_path, mixed(1, 200))
    index = LineIndex(tmp_path)
    total = index.total(complete=True)
    page = index.page(-10, 100, complete=True)
    assert (page.first, page.total) == (total - 9, total)
    assert facts(page) == expected(tmp_path, total - 9, total)
    assert index.page(-(10**9), 3, complete=True).first == 1


@pytest.mark.usefixtures("small_blocks")
def test_a_log_that_grows_is_read_on(tmp_path):
    index = LineIndex(tmp_path)
    assert index.page(1, 10, complete=False).to_dict() == {"from": 1, "lines": [], "total": 0, "complete": False}
    for part in range(1, 30):
        written(tmp_path, [("stdout", b"%d\n" % n) for n in range(50)])
        assert index.count() == part * 50
    assert facts(index.page(700, 20, complete=False)) == expected(tmp_path, 700, 719)


def test_a_line_without_its_newline_counts_when_no_more_comes(tmp_path):
    written(tmp_path, [("stdout", b"first\nhalf"), ("stderr", b"other half")])
    index = LineIndex(tmp_path)
    assert [line.event.message for line in index.page(1, 10, complete=False).lines] == ["first"]
    assert [line.event.message for line in index.page(1, 10, complete=True).lines] == ["first", "half", "other half"]
    written(tmp_path, [("stdout", b" and the rest\n")])
    assert [line.event.message for line in index.page(2, 1, complete=False).lines] == ["half and the rest"]


@pytest.mark.usefixtures("small_blocks")
@pytest.mark.parametrize("spoil", ["gone", "rows of earlier versions", "a bad row", "cut"])
def test_a_spoiled_index_hides_no_line(tmp_path, spoil):
    written(tmp_path, [("stdout", b"line %d\n" % n) for n in range(1, 401)])
    index = tmp_path / INDEX
    rows = index.read_bytes().splitlines(keepends=True)
    if spoil == "gone":
        index.unlink()
    elif spoil == "cut":
        index.write_bytes(b"".join(rows[:100]))
    elif spoil == "a bad row":
        index.write_bytes(b"".join([*rows[:198], b"nonsense\n", *rows[204:]]))
    else:
        index.write_bytes(b"".join(row.partition(b" @")[0] + b"\n" for row in rows))
    page = LineIndex(tmp_path).page(195, 20, complete=True)
    assert [(line.n, line.event.message) for line in page.lines] == [(n, f"line {n}") for n in range(195, 215)]


def test_a_log_that_was_cut_is_counted_anew(tmp_path):
    written(tmp_path, [("stdout", b"a\nb\nc\n")])
    assert count_lines(tmp_path) == 3
    (tmp_path / LOG).write_bytes(b"new\n")
    (tmp_path / INDEX).unlink()
    assert count_lines(tmp_path) == 1


def test_a_page_ends_before_it_is_too_much(tmp_path):
    written(tmp_path, [("stdout", b"x" * 5_000_000 + b"\n"), *[("stdout", b"y" * 9000 + b"\n")] * 300])
    page = LineIndex(tmp_path).page(1, 2000, complete=True)
    assert len(page.to_dict()["lines"][0]["text"]) == LONGEST + 1
    assert 100 < len(page.lines) < 130
    assert page.total == 301


def test_lines_far_beyond_the_end_are_an_empty_page(tmp_path):
    written(tmp_path, [("stdout", b"a\n")])
    assert LineIndex(tmp_path).page(50, 10, complete=True).to_dict() == {
        "from": 50, "lines": [], "total": 1, "complete": True,
    }  # fmt: skip
