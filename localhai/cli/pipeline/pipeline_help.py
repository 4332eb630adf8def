"""`localhai pipeline run PIPELINE --help`: what a pipeline takes behind its name."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from localhai.cli.execution.step_help import WIDTH
from localhai.pipelines.drawing import what
from localhai.project.names import option_name

if TYPE_CHECKING:
    from typing import Any

    from valohai_yaml.objs import Config

    from localhai.pipelines.plan import Node, PipelinePlan


def pipeline_list(config: Config) -> str:
    """The pipelines of a project, one line each."""
    rows = [(name, ", ".join(node.name for node in item.nodes)) for name, item in config.pipelines.items()]
    return _sections({"Pipelines": rows or [("none", "in this valohai.yaml")]})


def pipeline_help(plan: PipelinePlan) -> str:
    """The parameters of the pipeline, then parameters and inputs of each node that can be given."""
    sections = {"Parameters": [(f"--{option_name(name)}", _value(value)) for name, value in plan.parameters.items()]}
    for node in plan.nodes:
        sections[f"Node {node.name}, {what(node)}"] = _of_node(node)
    return f"Pipeline {plan.name}\n\n{_sections(sections)}"


def _of_node(node: Node) -> list[tuple[str, str]]:
    values = {**node.defaults, **node.parameters}
    rows = [(f"--{node.name}.{option_name(name)}", _value(value)) for name, value in values.items()]
    return rows + [(f"--{node.name}.{option_name(name)}=URI", _value(list(uris))) for name, uris in node.inputs.items()]


def _value(value: Any) -> str:
    if isinstance(value, (list, tuple)):
        value = ", ".join(map(str, value))
    return "" if value in {None, ""} else f"[{value}]"


def _sections(sections: dict[str, list[tuple[str, str]]]) -> str:
    formatter = click.HelpFormatter(width=WIDTH)
    for name, rows in sections.items():
        if rows:
            with formatter.section(name):
                formatter.write_dl(rows)
    return formatter.getvalue().strip("\n")
