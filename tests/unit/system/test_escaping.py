"""What may reach a terminal from a container: colours, and nothing that the terminal would obey."""

from __future__ import annotations

import re

import pytest

from localhai.system.escaping import RESET, clipped, escaped, uncoloured


@pytest.mark.parametrize(
    ("hostile", "shown"),
    [
        ("\x1b]52;c;cm0gLXJmIH4=\x07", "\\x1b]52;c;cm0gLXJmIH4=\\x07"),  # the clipboard
        ("\x1b]0;title\x1b\\", "\\x1b]0;title\\x1b\\"),
        ("\x1bc", "\\x1bc"),  # everything forgotten
        ("\x1bP+q544e\x1b\\", "\\x1bP+q544e\\x1b\\"),  # a question that is answered as if typed
        ("\x1b[2J\x1b[1;1H\x1b[6n", "\\x1b[2J\\x1b[1;1H\\x1b[6n"),
        ("\x9b2J\x9d0;t\x9c", "\\u009b2J\\u009d0;t\\u009c"),
        ("a\x08\x08b\x7f\x00", "a\\x08\\x08b\\u007f\\x00"),
        ("real\rfake", "real\\x0dfake"),
        ("model\u202egnp.exe", "model\\u202egnp.exe"),
        ("\u2066\u2069\u200e\u200f\u061c\u2028", "\\u2066\\u2069\\u200e\\u200f\\u061c\\u2028"),
        ("\x1b[3", "\\x1b[3"),  # cut in the middle
        ("\x1b[?25l\x1b[31;1H", "\\x1b[?25l\\x1b[31;1H"),
    ],
)
def test_what_a_terminal_would_obey_shows_escaped(hostile: str, shown: str) -> None:
    assert escaped(hostile) == shown


@pytest.mark.parametrize("plain", ["", "tab\tand\nlines\n", "naïve 😀 👩‍🚀 שלום", "a" * 10_000])
def test_plain_text_stays(plain: str) -> None:
    assert escaped(plain) is plain


def test_colours_stay_and_end_with_their_line() -> None:
    assert escaped("\x1b[31;1mred\x1b[0m plain") == "\x1b[31;1mred\x1b[0m plain"
    assert escaped("\x1b[38:5:1mred\nnext\n") == f"\x1b[38:5:1mred{RESET}\nnext\n"
    assert escaped("\x1b[32mgreen\x1b[m") == "\x1b[32mgreen\x1b[m"


def test_nothing_but_colours_is_left_of_any_control_sign() -> None:
    left = escaped("".join(map(chr, range(0x3000))))
    assert not re.search("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]", left)


def test_a_name_stays_on_its_line_and_has_no_colours() -> None:
    assert uncoloured("\x1b[31ma\tb\nc\rd\u202e") == "\\x1b[31ma\\x09b\\x0ac\\x0dd\\u202e"


def test_clipping_counts_what_is_seen_and_cuts_no_colour() -> None:
    assert clipped("\x1b[31mabcdef\x1b[0m", 3) == f"\x1b[31mabc{RESET}"
    assert clipped("abc", 3) == "abc"
    assert clipped("\x1b[31mabc\x1b[0m", 3) == "\x1b[31mabc\x1b[0m"
