from __future__ import annotations

import errno
import os
import sys
from contextlib import suppress
from pathlib import Path

import pytest

from localhai.errors import DiskFull
from localhai.executions.log.index import repair, stored_lengths
from localhai.executions.log.log import LogWriter, read_events, read_stream


@pytest.fixture
def writer(tmp_path: Path) -> LogWriter:
    return LogWriter(tmp_path)


def test_lines_keep_stream_order_and_time(tmp_path: Path, writer: LogWriter) -> None:
    writer.write("stdout", b"one\ntw", 1.0)
    writer.write("stderr", b"warning\n", 2.0)
    writer.write("stdout", b"o\nthree", 3.5)
    writer.write("status", b"Execution #1 is complete\n", 4.0)
    writer.close()

    assert [(event.stream, event.message) for event in read_events(tmp_path)] == [
        ("stdout", "one"),
        ("stderr", "warning"),
        ("stdout", "two"),
        ("status", "Execution #1 is complete"),
        ("stdout", "three"),
    ]
    assert next(read_events(tmp_path)).to_dict()["time"] == "1970-01-01T00:00:01.000000"


def test_the_file_named_log_is_what_the_container_wrote(tmp_path: Path, writer: LogWriter) -> None:
    writer.write("stdout", b"caf\xe9\r\n", 1.0)
    writer.close()
    assert (tmp_path / "log").read_bytes() == b"caf\xe9\r\n"


@pytest.mark.parametrize("last", [1, 3, 50, 5000])
def test_the_last_lines_are_those_of_the_whole_log(tmp_path: Path, writer: LogWriter, last: int) -> None:
    for number in range(1000):
        writer.write("stdout" if number % 3 else "stderr", f"line {number}\n".encode(), float(number))
    writer.close()
    every = [event.message for event in read_events(tmp_path)]
    assert [event.message for event in read_events(tmp_path, last=last)] == every[-last:]


def test_bytes_without_an_index_line_are_shown_and_can_be_dropped(tmp_path: Path, writer: LogWriter) -> None:
    writer.write("stdout", b"known\n", 1.0)
    writer.close()
    with (tmp_path / "log").open("ab") as log:
        log.write(b"cut of")
    assert [event.message for event in read_events(tmp_path)] == ["known", "cut of"]
    repair(tmp_path)
    assert [event.message for event in read_events(tmp_path)] == ["known"]


def test_an_adopter_learns_how_much_is_stored_before_masking(tmp_path: Path, writer: LogWriter) -> None:
    writer.write("stdout", b"***\n", 1.0, raw_length=11)
    writer.write("stderr", b"abc", 1.0)
    writer.write("status", b"ours\n", 1.0)
    writer.close()
    assert stored_lengths(tmp_path) == {"stdout": 11, "stderr": 3}


def test_no_log_has_no_events(tmp_path: Path) -> None:
    assert list(read_events(tmp_path)) == []
    assert stored_lengths(tmp_path) == {"stdout": 0, "stderr": 0}


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux has a device that is always full")
def test_a_full_disk_is_said_as_such(tmp_path: Path) -> None:
    (tmp_path / "log").symlink_to("/dev/full")
    with pytest.raises(DiskFull, match="the log cannot be written"):
        LogWriter(tmp_path).write("stdout", b"x", 1.0)


@pytest.mark.parametrize("last", [1, 5, 40, 400, 4000])
@pytest.mark.parametrize("with_ends", [True, False])
def test_the_end_of_a_long_log_is_read_without_its_beginning(
    tmp_path: Path, writer: LogWriter, monkeypatch: pytest.MonkeyPatch, last: int, with_ends: bool
) -> None:
    for number in range(500):
        stream = ("stdout", "stderr", "status")[number % 3]
        writer.write(stream, f"{number} begins".encode() + b"\n" * (number % 4), 1000.0 + number)
    with (tmp_path / "log").open("ab") as log:
        log.write(b"\nnot in the index\n")
    if not with_ends:  # as an older localhai wrote it
        index = tmp_path / "log.index"
        index.write_text("".join(row.partition(" @")[0] + "\n" for row in index.read_text().splitlines()))
    whole = list(read_events(tmp_path))
    monkeypatch.setattr("localhai.executions.log.log.BLOCK", 100)
    assert list(read_events(tmp_path, last=last)) == whole[-last:]


class FullDisk:
    """`os.write` that has room for so many bytes more."""

    def __init__(self, room: int) -> None:
        self.room = room
        self.write = os.write

    def __call__(self, descriptor: int, data: bytes) -> int:
        if not self.room:
            raise OSError(errno.ENOSPC, "No space left on device")
        count = min(len(data), self.room)
        self.room -= count
        return self.write(descriptor, data[:count])


@pytest.mark.parametrize("room", range(40))
def test_a_full_disk_leaves_bytes_and_rows_in_step(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, room: int) -> None:
    writer = LogWriter(tmp_path)
    writer.write("stdout", b"before\n", 1.0)
    with monkeypatch.context() as patch:
        patch.setattr(os, "write", FullDisk(room))
        with suppress(DiskFull):
            writer.write("stderr", b"a line\n", 2.0)
        with pytest.raises(DiskFull):
            writer.write("stderr", b"a line that does not fit\n", 2.0)
    writer.write("stdout", b"after\n", 3.0)
    writer.close()

    written = [(event.stream, event.message) for event in read_events(tmp_path)]
    assert written[0] == ("stdout", "before")
    assert written[-1] == ("stdout", "after")
    assert written[1:-1] in ([], [("stderr", "a line")])
    assert (tmp_path / "log").stat().st_size == sum(len(message) + 1 for _, message in written)


GOOD = b"1000000 stdout 4 @4\n"


@pytest.mark.parametrize(
    ("index", "log", "shown", "mended"),
    [
        (GOOD + b"2000000 std", b"one\ntwo\n", ["one", "two"], ["one"]),  # half a row
        (GOOD, b"one\ntwo\n", ["one", "two"], ["one"]),  # bytes without a row
        (GOOD + b"2000000 stderr 4 @8\n", b"one\ntw", ["one", "tw"], ["one"]),  # a row without all its bytes
        (GOOD + b"20000\xff0 st\n3000000 stderr 4 @12\n", b"one\n???\ntwo\n", ["one", "???", "two"], None),
        (GOOD + b"2000000 std3000000 stderr 4 @12\n4000000 stdout 2 @14\n", b"one\n???\n???\nz\n", None, None),
        (
            b"1000000 stdout 4\n2000000 stderr 4\n",
            b"one\ntwo\nxx",
            ["one", "two", "xx"],
            ["one", "two"],
        ),  # earlier versions
        (b"\x00\x00\x00\x00", b"one\n", ["one"], []),
        (b"", b"one\n", ["one"], []),
        (b"1 stdout -4 @4\n1 nobody 4 @4\n1 stdout 4 5 6 @4\n1 stdout x @4\n@\n\n", b"one\n", ["one"], []),
        (GOOD + GOOD, b"one\n", ["one"], ["one"]),  # twice the same place
    ],
)
def test_a_spoiled_log_is_read_and_mended_without_shifting_the_rest(
    tmp_path: Path, index: bytes, log: bytes, shown: list[str] | None, mended: list[str] | None
) -> None:
    (tmp_path / "log.index").write_bytes(index)
    (tmp_path / "log").write_bytes(log)
    for last in (None, 50):
        found = [event.message for event in read_events(tmp_path, last=last)]
        assert shown is None or sorted(found) == sorted(shown)

    repair(tmp_path)

    after = [event.message for event in read_events(tmp_path)]
    if mended is not None:
        assert after == mended
    writer = LogWriter(tmp_path)
    writer.write("stderr", b"new\n", 9.0)
    writer.close()
    assert [event.message for event in read_events(tmp_path)][-1] == "new"
    assert b"".join(data for data, _ in read_stream(tmp_path, "stderr")).endswith(b"new\n")
    assert stored_lengths(tmp_path)["stderr"] >= 4


def test_repair_never_raises(tmp_path: Path) -> None:
    repair(tmp_path / "missing")
    (tmp_path / "log.index").mkdir()
    (tmp_path / "log").mkdir()
    repair(tmp_path)
