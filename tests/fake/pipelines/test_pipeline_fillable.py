"""What edges will fill need not be there when a pipeline begins; what they will not fill is missed before it does."""

from __future__ import annotations

import pytest

MAKE = {
    "name": "make",
    "inputs": [{"name": "data", "default": "https://example.org/a.txt"}, {"name": "other", "optional": True}],
}
MAKE |= {"parameters": [{"name": "max_steps", "type": "integer", "default": 3}]}
NODES = [{"name": "make", "step": "make"}, {"name": "use", "step": "use"}]


def written(pipelines, edge, use):
    pipelines.engine.behave(lambda container: container.out('{"loss": 1}\n'))
    pipelines.write(NODES, [edge], steps=[MAKE, {"name": "use", **use}])


@pytest.fixture
def text(tmp_path):
    path = tmp_path / "a.txt"
    path.write_text("a")
    return path.as_uri()


@pytest.mark.parametrize("key", ["*", "da*", "data"])
def test_inputs_that_a_pattern_will_fill(pipelines, text, key):
    written(pipelines, [f"make.input.{key}", f"use.input.{key}"], {"inputs": [{"name": "data"}]})
    done = pipelines.run(f"--make.data={text}")
    assert done["status"] == "complete"


@pytest.mark.parametrize("key", ["max-steps", "max_steps"])
def test_parameters_that_an_edge_names_as_an_option(pipelines, text, key):
    written(
        pipelines,
        ["make.parameter.max_steps", f"use.parameter.{key}"],
        {"parameters": [{"name": "max_steps", "type": "integer"}]},
    )
    assert pipelines.run(f"--make.data={text}")["status"] == "complete"


@pytest.mark.parametrize("edge", [["make.metadata.loss", "use.input.data"], ["make.input.data", "use.parameter.data"]])
def test_pairs_that_carry_nothing_fill_nothing(pipelines, text, edge):
    kind = edge[1].split(".")[1]
    written(pipelines, edge, {f"{kind}s": [{"name": "data"}]})
    assert "data" in pipelines("run", "p", f"--make.data={text}", code=2).stderr
    assert pipelines.home.records.pipelines.list(None) == [], "nothing began"


def test_a_value_that_a_parameter_does_not_take_is_not_tried_again(pipelines, text):
    pipelines.engine.behave(lambda container: container.out('{"loss": "high"}\n'))
    steps = [MAKE, {"name": "use", "parameters": [{"name": "loss", "type": "float", "default": 1.0}]}]
    nodes = [NODES[0], {**NODES[1], "on-error": "retry"}]
    pipelines.write(nodes, [["make.metadata.loss", "use.parameter.loss"]], steps=steps)
    result = pipelines("run", "p", f"--make.data={text}", code=1)
    assert "attempt" not in result.stderr
    assert "high" in result.stderr
