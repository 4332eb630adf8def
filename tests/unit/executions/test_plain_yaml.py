"""What is written without a YAML library is what the library writes, letter for letter."""

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from localhai.executions.run.config_files import NotPlain, dump

ODD = """true|No|NULL|y|n|~|~a1|python:3.11-slim|a: b|a:|a :b|a #b|-|--x|1e5|1_000|0x1f|2026-11-24|s3://b/k|/valohai/in|é
2026-11-24T13:49:31.345696Z|12345678-1234-1234-1234-123456789012|a b|a  b|two words
2026-11-24T13:49:31+00:00|2026-11-24T13:49:31.1-02:30|'a'|"a"|[a]|{a}|*a|&a|!a|%a|@a|=|<<
?|? a|a,b|1.5|.5|1:30|12:30:45|on|Off| a|a |...|---|/|a-|a.|e5|inf|nan|x:1|0.1.0
1.2.3.4|~12|~1|1.2.|20.10.24+dfsg1|1.2.3-4-5"""
WORDS = st.sampled_from(
    [
        *ODD.replace("\n", "|").split("|"),
        "",
        "x" * 90,
        "x" * 140,
        "word " * 20,
        ("word " * 20).strip(),
        "a\nb",
        "a|b",
        "\ta",
    ]
)
SCALARS = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | WORDS | st.text(max_size=12)
VALUES = st.recursive(
    SCALARS, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(WORDS | st.text(max_size=5), inner, max_size=3)
)


def by_library(value):
    return yaml.dump(value, Dumper=yaml.SafeDumper, sort_keys=False, allow_unicode=True, default_flow_style=False)


@settings(max_examples=100)
@given(st.lists(VALUES, max_size=3) | st.dictionaries(WORDS, VALUES, max_size=4))
def test_it_is_written_as_by_the_library_or_left_to_it(value):
    try:
        written = dump(value)
    except NotPlain:
        return
    assert written == by_library(value)
    assert yaml.safe_load(written) == value


@pytest.mark.parametrize(
    "value",
    [
        {},
        [],
        {"epochs": 3, "rate": 0.5, "kind": "small", "quiet": False, "title": None, "sizes": [1, 2], "none": []},
        {"data": {"files": [{"name": "a.csv", "uri": "s3://bucket/a.csv", "size": 7, "checksums": {"md5": "ab"}}]}},
        {"valohai.created": "2026-11-24T13:49:31.345696Z", "valohai.id": "12345678-1234-1234-1234-123456789012"},
        [["a", ["b"]], [{"c": {"d": "true"}}]],
    ],
)
def test_what_containers_are_told_needs_no_library(value):
    assert dump(value) == by_library(value)
