"""`localhai`: the entry point, and the one place where errors become messages and exit codes."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

import click

from localhai.cli.call import Call, ReaderGone
from localhai.cli.commands import ROOT
from localhai.cli.lazy import LazyGroup
from localhai.cli.output import endure

if TYPE_CHECKING:
    from collections.abc import Sequence

HELP = """The local Valohai: runs the steps of a valohai.yaml on this machine, with Docker.

Commands and options are those of `vh` wherever both have them. An execution is named by its number (5 or #5),
`latest`, its id or the beginning of one.
"""
FORMATS = ("human", "json", "csv", "tsv", "scsv", "psv")


class Root(LazyGroup):
    """The group of all commands. What it runs ends as an exit code (docs/json.md)."""

    def __init__(self) -> None:
        super().__init__("localhai", ROOT, help=HELP)
        self.context_settings = {"help_option_names": ["-h", "--help"], "max_content_width": 100}
        self.params += [
            click.Option(
                ["--project"], metavar="DIR", callback=_set_folder, expose_value=False, help="The project's folder."
            ),
            click.Option(
                ["--output-format", "--table-format"],
                type=click.Choice(FORMATS),
                callback=_set_format,
                expose_value=False,
                help="Format of what is printed; --json of each command is short for json.",
            ),
            click.Option(["--project-root"], metavar="DIR", callback=_set_folder, expose_value=False, hidden=True),
            click.Option(["--debug/--no-debug"], default=None, callback=_set_debug, expose_value=False, hidden=True),
            *(
                click.Option([name], callback=_say_idle, expose_value=False, hidden=True)
                for name in ("--valohai-host", "--valohai-token", "--project-mode")
            ),
            click.Option(
                ["--version"], is_flag=True, is_eager=True, expose_value=False, callback=_version, help="The version."
            ),
        ]

    def make_context(
        self, info_name: str | None, args: list[str], parent: click.Context | None = None, **extra: Any
    ) -> click.Context:
        extra["obj"] = extra.get("obj") or Call()
        return super().make_context(info_name, args, parent, **extra)

    def invoke(self, ctx: click.Context) -> Any:
        try:
            return super().invoke(ctx)
        except BrokenPipeError as error:  # click would end here, as if an execution had failed
            raise ReaderGone from error

    def main(
        self,
        args: Sequence[str] | None = None,
        prog_name: str | None = None,
        complete_var: str | None = None,
        standalone_mode: bool = True,  # noqa: ARG002  # always its own master
        **extra: Any,
    ) -> NoReturn:
        call = extra["obj"] = extra.get("obj") or Call()
        words = list(sys.argv[1:] if args is None else args)
        try:
            code = super().main(words, prog_name or "localhai", complete_var, standalone_mode=False, **extra)
            sys.stdout.flush()
        except (Exception, KeyboardInterrupt) as error:  # noqa: BLE001  # the one place where all errors end
            from localhai.cli.failures import report

            code = report(error, call, words)
        sys.exit(code if isinstance(code, int) else 0)


def _set_folder(ctx: click.Context, _option: click.Parameter, value: str | None) -> None:
    if value is not None:
        ctx.ensure_object(Call).folder = Path(value)


def _set_format(ctx: click.Context, _option: click.Parameter, value: str | None) -> None:
    if value is not None:
        ctx.ensure_object(Call).format = value


def _set_debug(_ctx: click.Context, _option: click.Parameter, value: bool | None) -> None:
    """Faults with their traceback: the same as the variable."""
    if value is not None:
        os.environ["LOCALHAI_DEBUG"] = "1" if value else ""


def _say_idle(ctx: click.Context, option: click.Parameter, value: str | None) -> None:
    if value is not None and not ctx.resilient_parsing:
        from localhai.cli.platform import say_without_effect

        say_without_effect(option.opts)


def _version(ctx: click.Context, _option: click.Parameter, value: bool) -> None:
    if value and not ctx.resilient_parsing:
        from localhai import __version__

        click.echo(f"localhai {__version__}")
        ctx.exit()


cli = Root()


def main() -> NoReturn:
    """The console script."""
    endure()
    cli.main()
