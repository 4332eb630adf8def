from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from localhai.executions.log.log import LineAssembler, displayed


@given(st.binary(), st.lists(st.integers(min_value=0, max_value=50)))
def test_any_cut_gives_the_same_lines(data: bytes, cuts: list[int]) -> None:
    assembler = LineAssembler()
    lines: list[bytes] = []
    rest = data
    for cut in cuts:
        lines += assembler.feed(rest[:cut])
        rest = rest[cut:]
    lines += assembler.feed(rest)
    lines += assembler.end()

    expected = data.split(b"\n")
    if not expected[-1]:
        expected.pop()
    assert lines == expected


def test_a_line_of_five_megabytes_comes_whole() -> None:
    assembler = LineAssembler()
    pieces = [b"x" * 65536] * 80
    for piece in pieces:
        assert assembler.feed(piece) == []
    assert [len(line) for line in assembler.feed(b"\n")] == [65536 * 80]


def test_of_a_redrawn_progress_bar_the_last_state_is_shown() -> None:
    assert displayed(b" 10%\r 50%\r100%\r") == "100%"


def test_bytes_that_are_not_utf8_are_replaced_for_display_only() -> None:
    assert displayed(b"caf\xe9") == "caf\ufffd"
