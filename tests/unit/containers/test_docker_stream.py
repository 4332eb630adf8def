from __future__ import annotations

import struct

from hypothesis import given
from hypothesis import strategies as st

from localhai.containers.docker.stream import Demultiplexer, LogDemultiplexer

CHUNKS = st.lists(st.tuples(st.sampled_from(["stdout", "stderr"]), st.binary(min_size=0, max_size=40)), max_size=12)


def frame(stream: str, data: bytes) -> bytes:
    return struct.pack(">BxxxI", 2 if stream == "stderr" else 1, len(data)) + data


def joined(pieces) -> list[tuple[str, bytes]]:
    found: list[tuple[str, bytes]] = []
    for stream, data in pieces:
        if found and found[-1][0] == stream:
            found[-1] = (stream, found[-1][1] + data)
        elif data:
            found.append((stream, data))
    return found


def fed(demultiplexer, data: bytes, sizes: list[int]) -> list[tuple[str, bytes]]:
    pieces = []
    for size in [*sizes, len(data)]:
        pieces += demultiplexer.feed(data[:size])
        data = data[size:]
    return joined(pieces)


@given(CHUNKS, st.lists(st.integers(1, 30), max_size=20))
def test_bytes_and_order_are_kept_however_the_stream_is_cut(chunks, sizes):
    data = b"".join(frame(stream, text) for stream, text in chunks)

    assert fed(Demultiplexer(), data, sizes) == joined(chunks)


def test_neighbours_of_one_stream_come_as_one_chunk():
    data = b"".join(frame("stdout", b"line\n") for _ in range(100))

    assert Demultiplexer().feed(data) == [("stdout", b"line\n" * 100)]


def test_a_long_frame_is_handed_on_before_it_ends():
    assert Demultiplexer().feed(frame("stderr", b"x" * 100)[:50]) == [("stderr", b"x" * 42)]


@given(
    st.lists(st.tuples(st.sampled_from(["stdout", "stderr"]), st.binary(max_size=30)), max_size=8),
    st.lists(st.integers(1, 30), max_size=20),
)
def test_a_log_gets_back_the_newlines_that_the_driver_forgets(lines, sizes):
    """The local driver cuts a long line into pieces of one timestamp, and drops the newline of the last piece."""
    data, wanted = b"", []
    for number, (stream, text) in enumerate(lines):
        line = text.replace(b"\n", b"")
        moment = f"2026-01-01T00:00:00.{number:09d}Z ".encode()
        if len(line) > 10:
            pieces = [line[at : at + 10] for at in range(0, len(line), 10)]
            data += b"".join(frame(stream, moment + piece) for piece in pieces)
        else:
            data += frame(stream, moment + line + b"\n")
        wanted.append((stream, line + b"\n"))

    found = fed(LogDemultiplexer(), data, sizes)

    for stream in ("stdout", "stderr"):
        text = b"".join(piece for name, piece in found if name == stream)
        expected = b"".join(piece for name, piece in wanted if name == stream)
        assert text in {expected, expected[:-1]}  # what follows the very last line is not known


def test_a_log_keeps_a_last_line_without_newline():
    moment = b"2026-01-01T00:00:00Z "

    assert LogDemultiplexer().feed(frame("stdout", moment + b"end")) == [("stdout", b"end")]
