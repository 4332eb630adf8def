"""What of a step an edge fills, by the kinds of its ends and the key of its target."""

from __future__ import annotations

import pytest
from valohai_yaml.objs import Step

from localhai.project.edges import filled

STEP = Step.parse(
    {
        "name": "s",
        "image": "i",
        "command": "c",
        "inputs": [{"name": "data"}, {"name": "more"}, {"name": "d[1]"}],
        "parameters": [{"name": "max_steps"}],
    }
)


@pytest.mark.parametrize(
    ("source", "target", "key", "names"),
    [
        ("input", "input", "*", ["data", "more", "d[1]"]),
        ("input", "input", "da*", ["data"]),
        ("input", "input", "x*", []),
        ("input", "input", "d[1]", ["d[1]"]),
        ("input", "input", "data", ["data"]),
        ("output", "input", "*", ["*"]),
        ("output", "input", "data", ["data"]),
        ("metadata", "input", "data", []),
        ("metadata", "parameter", "max-steps", ["max_steps"]),
        ("parameter", "parameter", "max_steps", ["max_steps"]),
        ("parameter", "parameter", "other", []),
        ("input", "parameter", "max_steps", []),
        ("environment-variable", "environment-variable", "V", ["V"]),
        ("output", "file", "answers.model", []),
        ("dependency", "dependency", "*", []),
    ],
)
def test_what_an_edge_fills(source, target, key, names):
    assert filled(source, target, key, STEP) == [(target, name) for name in names]
