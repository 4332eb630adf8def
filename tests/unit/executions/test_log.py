from __future__ import annotations

from pathlib import Path

import pytest

from localhai.errors import DiskFull
from localhai.executions.log import LogWriter, read_events, repair, stored_lengths


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
    monkeypatch.setattr("localhai.executions.log.BLOCK", 100)
    assert list(read_events(tmp_path, last=last)) == whole[-last:]
