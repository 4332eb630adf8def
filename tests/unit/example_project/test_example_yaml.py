from __future__ import annotations

from typing import TYPE_CHECKING

import valohai_yaml
from valohai_yaml.lint import lint

if TYPE_CHECKING:
    from pathlib import Path


def test_valohais_own_linter_finds_nothing(project: Path) -> None:
    result = lint((project / "valohai.yaml").read_text())
    assert [message["message"] for message in result.messages] == []


def test_edges_name_inputs_and_parameters_that_are_there(project: Path) -> None:
    config = valohai_yaml.parse((project / "valohai.yaml").read_text())
    pipeline = config.pipelines["classify"]
    steps = {node.name: config.steps[node.step] for node in pipeline.nodes}
    assert list(steps) == ["preprocess", "train", "evaluate"]
    for edge in pipeline.edges:
        assert edge.target_key in steps[edge.target_node].inputs


def test_the_sweep_varies_parameters_of_its_step(project: Path) -> None:
    config = valohai_yaml.parse((project / "valohai.yaml").read_text())
    task = config.tasks["learning-rates"]
    assert {parameter.name for parameter in task.parameters} <= set(config.steps[task.step].parameters)
