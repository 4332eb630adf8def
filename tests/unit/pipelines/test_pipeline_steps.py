"""The step of a node: that of valohai.yaml with what the node overrides."""

from __future__ import annotations

from typing import Any

import pytest
from valohai_yaml.objs import Config, Step

from localhai.pipelines.plan import Edge, NodeOverride
from localhai.pipelines.steps import config_with, overridden, parameter_facts, relaxed

WRITTEN = {
    "name": "s",
    "image": "i",
    "command": ["c"],
    "environment": "small",
    "mounts": ["/a:/b"],
    "inputs": [{"name": "in", "default": "s3://own/a"}, {"name": "other", "default": "s3://own/b"}, {"name": "need"}],
    "parameters": [
        {"name": "n", "type": "integer", "default": 1},
        {"name": "need", "type": "integer"},
        {"name": "maybe", "type": "integer", "optional": True},
    ],
    "environment-variables": [{"name": "V", "default": "v"}, {"name": "W", "default": "w"}],
}


@pytest.fixture
def step() -> Step:
    return Config.parse([{"step": WRITTEN}]).steps["s"]


def facts(step: Any) -> dict[str, Any]:
    return {
        "image": step.image,
        "command": step.command,
        "environment": step.environment,
        "mounts": [mount.source for mount in step.mounts],
        "inputs": {name: item.default for name, item in step.inputs.items()},
        "parameters": {name: item.default for name, item in step.parameters.items()},
        "variables": {name: item.default for name, item in step.environment_variables.items()},
    }


def test_what_is_not_overridden_stays_the_steps(step: Step) -> None:
    found = overridden(step, NodeOverride())
    assert found is not step
    assert facts(found) == facts(step)


def test_all_that_can_be_overridden(step: Step) -> None:
    before = facts(step)
    override = NodeOverride(
        image="other",
        command=("x", "y"),
        environment="large",
        mounts=({"source": "/c", "destination": "/d"},),
        inputs={"in": ("s3://x",), "unknown": ("s3://y",)},
        parameters={"n": "7", "unknown": 1},
        environment_variables={"V": None, "U": "u"},
    )
    assert facts(overridden(step, override)) == {
        "image": "other",
        "command": ["x", "y"],
        "environment": "large",
        "mounts": ["/c"],
        "inputs": {"in": ["s3://x"], "other": before["inputs"]["other"], "need": before["inputs"]["need"]},
        "parameters": {"n": "7", "need": None, "maybe": None},
        "variables": {"V": None, "W": "w"},
    }
    assert facts(step) == before, "the step itself is as it was"


def test_a_command_or_mounts_may_be_taken_away(step: Step) -> None:
    found = facts(overridden(step, NodeOverride(command=(), mounts=())))
    assert (found["command"], found["mounts"]) == ([], [])


def test_what_a_node_knows_of_parameters(step: Step) -> None:
    assert parameter_facts(step) == {
        "defaults": {"n": 1},
        "known_parameters": ("n", "need", "maybe"),
        "required_parameters": ("need",),
    }


def test_what_edges_will_fill_may_be_missing(step: Step) -> None:
    def edge(source: str, kind: str, key: str) -> Edge:
        return Edge("a", source, "x", "b", kind, key)

    found = relaxed(step, [edge("output", "input", "need"), edge("metadata", "parameter", "need")])
    assert (found.inputs["need"].optional, found.parameters["need"].optional) == (True, True)
    assert (step.inputs["need"].optional, step.parameters["need"].optional) == (False, False)
    ordered = relaxed(step, [edge("dependency", "input", "need")])
    assert not ordered.inputs["need"].optional


def test_a_config_with_one_step_alone(step: Step) -> None:
    config = Config.parse([{"step": WRITTEN}, {"step": {**WRITTEN, "name": "t"}}])
    found = config_with(config, overridden(step, NodeOverride(image="other")))
    assert [(name, item.image) for name, item in found.steps.items()] == [("s", "other")]
    assert list(config.steps) == ["s", "t"]
