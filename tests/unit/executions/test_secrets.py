from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from localhai.errors import ProjectError
from localhai.executions.run.secrets import Masker, read_env_file


def test_env_files_are_read_as_docker_reads_them(tmp_path: Path) -> None:
    file = tmp_path / ".env"
    file.write_text("# comment\n\nTOKEN=abc=def\nexport QUOTED='with space'\nEMPTY=\n")
    assert read_env_file(file) == {"TOKEN": "abc=def", "QUOTED": "with space", "EMPTY": ""}


def test_a_wrong_line_is_placed_but_not_shown(tmp_path: Path) -> None:
    file = tmp_path / ".env"
    file.write_text("A=1\nhunter2hunter2\n")
    with pytest.raises(ProjectError) as caught:
        read_env_file(file)
    assert caught.value.problems[0].position is not None
    assert caught.value.problems[0].position.line == 2
    assert "hunter2" not in str(caught.value.to_dict())


def test_a_missing_env_file_says_which(tmp_path: Path) -> None:
    with pytest.raises(ProjectError, match="no-such-file cannot be read"):
        read_env_file(tmp_path / "no-such-file")


@given(st.lists(st.integers(min_value=1, max_value=9)))
def test_a_secret_is_masked_wherever_it_is_cut(cuts: list[int]) -> None:
    stream = Masker(["s3cr3t-value", "s3cr3t-value-longer"]).stream()
    data = b"say s3cr3t-value, s3cr3t-value-longer and s3cr3t-valu."
    seen, length, rest = b"", 0, data
    for cut in cuts:
        masked, before = stream.feed(rest[:cut])
        seen, length, rest = seen + masked, length + before, rest[cut:]
    for masked, before in (stream.feed(rest), stream.end()):
        seen, length = seen + masked, length + before
    assert seen == b"say ***, *** and s3cr3t-valu."
    assert length == len(data)


def test_each_line_of_a_secret_is_secret() -> None:
    masker = Masker(["-----BEGIN-----\nMIIabcdef\n-----END-----"])
    assert masker.mask(b"it printed MIIabcdef alone") == b"it printed *** alone"


def test_short_values_are_left_alone() -> None:
    assert Masker(["1", "yes"]).mask(b"1 yes") == b"1 yes"


def test_a_secret_is_masked_as_json_and_urls_write_it() -> None:
    masker = Masker(['pä"ss word'])
    shown = masker.mask_text('{"a": "p\\u00e4\\"ss word", "b": "pä\\"ss word"} ?c=p%C3%A4%22ss%20word')
    assert shown == '{"a": "***", "b": "***"} ?c=***'


def test_values_are_masked_and_numbers_and_names_stay() -> None:
    masker = Masker(["image", "8080"])
    value = {"image": "an image", "port": 8080, "list": ["8080", None, True, {"image": 1.5}]}
    assert masker.mask_value(value) == {"image": "an ***", "port": 8080, "list": ["***", None, True, {"image": 1.5}]}
    assert masker.mask_value({"my image": 1}, keys=True) == {"my ***": 1}


def test_text_that_is_no_unicode_is_masked_all_the_same() -> None:
    assert Masker(["hidden"]).mask_text("caf\udce9 hidden \ud800") == "caf\\xe9 *** \\ud800"
