"""`localhai run STEP --help`: the parameters and inputs of a step, as `vh` shows them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from localhai.project.names import option_name

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from valohai_yaml.objs import Config, Step
    from valohai_yaml.objs.input import Input
    from valohai_yaml.objs.parameter import Parameter

TYPES = {"integer": "INTEGER", "float": "FLOAT", "string": "TEXT"}
WIDTH = 100


def step_help(step: Step, command: str) -> str:
    """Usage, description, and a line for each parameter, input and environment variable."""
    formatter = click.HelpFormatter(width=WIDTH)
    formatter.write_usage(command, f"{step.name} [OPTIONS]")
    if step.description:
        formatter.write_paragraph()
        with formatter.indentation():
            formatter.write_text(step.description)
    _section(formatter, "Parameter Options", [_parameter(item) for item in step.parameters.values()])
    _section(formatter, "Input Options", [_input(item) for item in step.inputs.values()])
    variables = [
        (f"--var {item.name}=VALUE", _sentence([item.description], [_default(item.default)]))
        for item in step.environment_variables.values()
    ]
    _section(formatter, "Environment variables", variables)
    formatter.write_paragraph()
    with formatter.indentation():
        formatter.write_text("Several values: --name=value1 --name=value2. Options of run itself: localhai run --help.")
    return formatter.getvalue().rstrip()


def step_list(config: Config) -> str:
    """The steps of a project, one line each."""
    formatter = click.HelpFormatter(width=WIDTH)
    _section(formatter, "Steps", [(name, _first_line(step.description)) for name, step in config.steps.items()])
    return formatter.getvalue().strip("\n")


def _parameter(item: Parameter) -> tuple[str, str]:
    name = f"--{option_name(item.name)}"
    facts: list[str | None] = ["several" if item.multiple else None]
    if item.choices:
        facts.append("one of " + ", ".join(map(str, item.choices)))
    facts += [f"{word} {limit}" for word, limit in (("min", item.min), ("max", item.max)) if limit is not None]
    facts.append(_default(item.default))
    if item.default is None and not item.optional:
        facts.append("required")
    option = name if item.type == "flag" else f"{name}={TYPES.get(item.type, 'TEXT')}"
    return option, _sentence([item.description], facts)


def _input(item: Input) -> tuple[str, str]:
    facts: list[str | None] = [_default(item.default)]
    if item.default is None or item.default == []:
        facts.append("optional" if item.optional else "required")
    if item.keep_directories.value != "none":
        facts.append(f"keeps directories: {item.keep_directories.value}")
    if item.filename:
        facts.append(f"becomes {item.filename}")
    return f"--{option_name(item.name)}=URI", _sentence([item.description], facts)


def _default(value: Any) -> str | None:
    if value is None or value == []:
        return None
    shown = ", ".join(map(str, value)) if isinstance(value, list) else str(value)
    return f"default: {shown}"


def _sentence(texts: Iterable[str | None], facts: Iterable[str | None]) -> str:
    known = "; ".join(fact for fact in facts if fact)
    return "  ".join([*(text for text in texts if text), *([f"[{known}]"] if known else [])])


def _first_line(text: str | None) -> str:
    return (text or "").strip().split("\n")[0]


def _section(formatter: click.HelpFormatter, title: str, rows: Sequence[tuple[str, str]]) -> None:
    if rows:
        with formatter.section(title):
            formatter.write_dl(rows)
