"""Positions of keys and values."""

from __future__ import annotations

import pytest

from localhai.project.document import parse

TEXT = """\
# a comment
- step:
    name: train
    image: busybox
    inputs: &inputs
      - name: a
      - {name: b, optional: true}
    outputs:
- step:
    <<: {name: merged, image: alpine}
    image: python
    inputs: *inputs
    on: 1
    quoted: "two
      lines"
"""


def place(path, *, key=False):
    positions = parse(TEXT, "valohai.yaml").positions
    found = positions.key(path) if key else positions.value(path)
    assert found.source == TEXT.splitlines()[found.line - 1]
    return found.line, found.column


@pytest.mark.parametrize(
    ("path", "key", "value"),
    [
        ((0, "step"), (2, 3), (3, 5)),
        ((0, "step", "image"), (4, 5), (4, 12)),
        ((0, "step", "inputs", 0), (6, 9), (6, 9)),
        ((0, "step", "inputs", 1, "optional"), (7, 19), (7, 29)),
        ((0, "step", "outputs"), (8, 5), (8, 5)),
        ((1, "step", "name"), (10, 10), (10, 16)),
        ((1, "step", "image"), (11, 5), (11, 12)),
        ((1, "step", "inputs", 1, "name"), (7, 10), (7, 16)),
        ((1, "step", True), (13, 5), (13, 9)),
        ((1, "step", "quoted"), (14, 5), (14, 13)),
    ],
)
def test_key_and_value(path, key, value):
    assert place(path, key=True) == key
    assert place(path) == value


@pytest.mark.parametrize(
    ("path", "nearest"),
    [((0, "step", "command"), (3, 5)), ((5,), (2, 1)), ((0, "step", "inputs", 9, "name"), (5, 13)), ((), (2, 1))],
)
def test_what_is_not_there_is_answered_with_what_is_around_it(path, nearest):
    assert place(path) == nearest


def test_the_last_of_equal_keys_counts():
    positions = parse("- a: 1\n  a: 2\n", "f").positions
    assert positions.value((0, "a")).line == 2


def test_an_empty_text_has_a_beginning():
    positions = parse("", "f").positions
    assert (positions.value((0, "step")).line, positions.value(()).column) == (1, 1)


def test_lines_end_as_yaml_says():
    positions = parse("- a\r\n- b\r- c\x85- d\n", "f").positions
    assert [positions.value((index,)).line for index in range(4)] == [1, 2, 3, 4]
    assert positions.value((3,)).source == "- d"
