"""Text that is no Unicode becomes Unicode, legibly, and what is Unicode stays itself."""

from __future__ import annotations

import os
from pathlib import Path
from urllib.parse import unquote_to_bytes

import pytest
from hypothesis import given
from hypothesis import strategies as st

from localhai.system import text

ANY_TEXT = st.text(st.characters(exclude_categories=()))
VALID = st.text(st.characters(exclude_categories=("Cs",)))


@pytest.mark.parametrize(
    ("given_text", "wanted"),
    [
        ("plain", "plain"),
        ("café ☕", "café ☕"),
        ("caf\udce9", "caf\\xe9"),
        ("half \ud800", "half \\ud800"),
        ("\ude00 first", "\\ude00 first"),
        ("\ud83d\ude00", "😀"),
        ("\ud83d\ude00\ud83d", "😀\\ud83d"),
    ],
)
def test_what_a_text_becomes(given_text: str, wanted: str) -> None:
    assert text.clean(given_text) == wanted


@given(ANY_TEXT)
def test_every_text_can_be_written_afterwards(any_text: str) -> None:
    cleaned = text.clean(any_text)
    cleaned.encode()
    assert text.is_clean(cleaned)
    assert text.clean(cleaned) == cleaned


@given(VALID)
def test_unicode_stays_itself(valid: str) -> None:
    assert text.clean(valid) == valid


@given(st.binary())
def test_bytes_of_arguments_can_be_read_by_people(raw: bytes) -> None:
    cleaned = text.clean(raw.decode("utf-8", "surrogateescape"))
    assert all(f"\\x{byte:02x}" in cleaned for byte in raw if byte >= 0xF8)  # never part of UTF-8


def test_values_are_cleaned_in_every_corner() -> None:
    given_value = {"k\udce9": ["\ud800", {"a": ("\udcff", 1, None, 2.5, True)}], 3: "x"}
    wanted = {"k\\xe9": ["\\ud800", {"a": ("\\xff", 1, None, 2.5, True)}], 3: "x"}
    assert text.clean_value(given_value) == wanted


def test_a_clean_value_is_not_copied() -> None:
    value = {"a": [1, {"b": "c"}], "d": "é"}
    assert text.clean_value(value) is value
    assert text.clean_value([]) == []


@given(st.binary(min_size=1).filter(lambda raw: b"\0" not in raw))
def test_names_of_files_can_be_undone(raw: bytes) -> None:
    name = text.file_name(raw)
    name.encode()
    try:
        assert name == raw.decode()
    except UnicodeDecodeError:
        assert unquote_to_bytes(name) == raw


@pytest.mark.parametrize("mark", [b"", b"\xef\xbb\xbf"])
def test_files_with_and_without_a_byte_order_mark_are_the_same(tmp_path: Path, mark: bytes) -> None:
    path = tmp_path / os.fsdecode(b"caf\xe9.txt")
    path.write_bytes(mark + "é=1\r\nb=2\n".encode())
    assert text.read_file(path) == "é=1\nb=2\n"


@pytest.mark.parametrize("content", [b"caf\xe9", "a = 1".encode("utf-16")])
def test_files_of_other_encodings_are_refused(content: bytes) -> None:
    with pytest.raises(UnicodeDecodeError):
        text.decode_file(content)


def test_a_path_is_found_again_by_what_was_shown_of_it(tmp_path: Path) -> None:
    real = tmp_path / os.fsdecode(b"caf\xe9")
    shown = text.clean(str(real))
    assert str(text.path_of(shown)) == shown
    real.mkdir()
    assert text.path_of(shown) == real
    (tmp_path / "caf\\xe9").mkdir()
    assert str(text.path_of(shown)) == shown
