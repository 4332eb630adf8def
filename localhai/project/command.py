"""Commands: placeholders filled by valohai-yaml itself, items joined to the one script that the shell runs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from localhai.errors import ProjectError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from valohai_yaml.objs import Step
    from valohai_yaml.objs.parameter import Parameter

JOINER = " && "  # platform.md 1.4: both official local tools; the platform's own is unconfirmed


def render(step: Step, values: Mapping[str, Any]) -> tuple[tuple[str, ...], str]:
    """The interpolated command items and the script (platform.md 1.3, 1.4).

    `values` must not hold None. A first item that starts with `#!` gives the script's first line, so the script has
    to be run as a file. Raises ProjectError when a `pass-as` template cannot be filled.
    """
    from valohai_yaml.commands import build_command, join_command
    from valohai_yaml.objs.parameter_map import ParameterMap

    _check_templates(step, values)
    special = {} if step.source_path is None else {"source-path": step.source_path}
    items = build_command(
        step.command, ParameterMap(parameters=step.parameters, values=values), special_interpolations=special
    )
    items = [item for item in items if item]
    return tuple(items), join_command(items, JOINER)


def _template(parameter: Parameter) -> str:
    return parameter.pass_as or parameter.pass_true_as or parameter.pass_false_as or ""


def _check_templates(step: Step, values: Mapping[str, Any]) -> None:
    """valohai-yaml formats `pass-as` while it fills placeholders, and there a fault would be lost or crash."""
    for name, parameter in step.parameters.items():
        if name not in values:
            continue
        try:
            parameter.format_cli(values[name])
        except TypeError as error:  # InvalidType: a list where one value is needed
            raise ProjectError(
                f"parameter {name} has several values but is not `multiple`",
                where=f"step {step.name}",
                hints=["add `multiple: repeat` or `multiple: separate`, or give one default"],
            ) from error
        except (AttributeError, KeyError, IndexError, ValueError) as error:
            raise ProjectError(
                f"`pass-as` of parameter {name} cannot be filled: {_template(parameter)!r} ({error!r})",
                where=f"step {step.name}",
                hints=["placeholders are {name}, {value} and {v}; write other braces twice: {{ }}"],
            ) from error
