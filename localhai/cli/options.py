"""Options that many commands share."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from localhai.cli.call import Call

if TYPE_CHECKING:
    from collections.abc import Callable

Decorated = TypeVar("Decorated", bound="Callable[..., Any]")

pass_call = click.make_pass_decorator(Call, ensure=True)


def json_option(function: Decorated) -> Decorated:
    """`--json`: one JSON document on stdout, and nothing else there."""
    return click.option(
        "--json", is_flag=True, expose_value=False, callback=_set_json, help="Print one JSON document."
    )(function)


def project_option(function: Decorated) -> Decorated:
    """`--project DIR`: another project than the one around the working directory."""
    return click.option(
        "--project",
        metavar="DIR",
        expose_value=False,
        callback=_set_project,
        help="The project's folder; default: this folder or the nearest one above with a valohai.yaml.",
    )(function)


def execution_argument(function: Decorated) -> Decorated:
    """EXECUTION: `5`, `#5`, `latest`, an id or the beginning of one."""
    return click.argument("reference", metavar="EXECUTION", shell_complete=complete_execution)(function)


def executions_argument(*, required: bool) -> Callable[[Decorated], Decorated]:
    """EXECUTIONS: any number of them, ranges too; see `references`."""
    return click.argument(
        "references", metavar="EXECUTIONS...", nargs=-1, required=required, shell_complete=complete_execution
    )


def yes_option(function: Decorated) -> Decorated:
    """`--yes`: do not ask."""
    return click.option("--yes", "-y", is_flag=True, help="Do not ask for confirmation.")(function)


def _set_json(ctx: click.Context, _option: click.Parameter, value: bool) -> None:
    if value:
        ctx.ensure_object(Call).format = "json"


def _set_project(ctx: click.Context, _option: click.Parameter, value: str | None) -> None:
    if value is not None:
        ctx.ensure_object(Call).folder = Path(value)


def complete_execution(ctx: click.Context, _argument: click.Parameter, incomplete: str) -> list[Any]:
    """Numbers of executions, for a shell."""
    from localhai.cli.completing import executions

    return executions(ctx.find_object(Call) or Call(), incomplete)
