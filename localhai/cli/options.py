"""Options that many commands share: what they name, how they print, how what they start is run."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click
from msgspec import Struct
from msgspec.structs import replace

from localhai.cli.call import Call
from localhai.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Callable

    from localhai.executions.run.context import RunOptions

Decorated = TypeVar("Decorated", bound="Callable[..., Any]")
pass_call = click.make_pass_decorator(Call, ensure=True)


def json_option(function: Decorated) -> Decorated:
    """`--json`: one JSON document on stdout, and nothing else there."""
    return click.option(
        "--json", is_flag=True, expose_value=False, callback=_set_json, help="Print one JSON document."
    )(function)


def csv_option(function: Decorated) -> Decorated:
    """`--csv`: short for `--output-format csv`."""
    return click.option("--csv", is_flag=True, expose_value=False, callback=_set_csv, help="As CSV.")(function)


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
    """EXECUTIONS: any number of them, ranges too; see `app.find`."""
    return click.argument(
        "references", metavar="EXECUTIONS...", nargs=-1, required=required, shell_complete=complete_execution
    )


def pipeline_argument(function: Decorated) -> Decorated:
    """ID: `5`, `#5`, `=5`, `latest`, an id or the beginning of one."""
    return click.argument("reference", metavar="ID", shell_complete=_complete_pipeline)(function)


def pipelines_argument(function: Decorated) -> Decorated:
    """IDS: any number of them, ranges too; see `app.find`."""
    return click.argument("references", metavar="[ID]...", nargs=-1, shell_complete=_complete_pipeline)(function)


def version_argument(function: Decorated) -> Decorated:
    """VERSION: its name or alias, DEPLOYMENT/NAME, a deployment, `latest`, an id or the beginning of one."""
    return click.argument("reference", metavar="VERSION", default="latest")(function)


def yes_option(function: Decorated) -> Decorated:
    """`--yes`: do not ask."""
    return click.option("--yes", "-y", is_flag=True, help="Do not ask for confirmation.")(function)


def confirm(question: str, *, option: str = "--yes") -> None:
    """Ask; raises click.Abort for no, UsageError naming `option` where nobody can answer."""
    if not sys.stdin.isatty():
        raise UsageError(question.removesuffix(" Go on?"), hints=[f"nobody can be asked here: add {option}"])
    click.confirm(question, abort=True, err=True)


def complete_execution(ctx: click.Context, _argument: click.Parameter, incomplete: str) -> list[Any]:
    """Numbers of executions, for a shell."""
    from localhai.cli.completion import executions

    return executions(ctx.find_object(Call) or Call(), incomplete)


def _complete_pipeline(ctx: click.Context, _argument: click.Parameter, incomplete: str) -> list[Any]:
    from localhai.cli.completion import pipelines

    return pipelines(ctx.find_object(Call) or Call(), incomplete)


env_file_option = click.option(
    "--env-file", metavar="FILE", help="Secrets, NAME=VALUE lines; masked in everything printed or stored."
)
pull_option = click.option("--pull", type=click.Choice(["missing", "always", "never"]), help="When to pull the image.")
package_cache_option = click.option(
    "--no-package-cache", is_flag=True, help="Share no pip, uv, conda and apt downloads."
)
reuse_option = click.option("--reuse", is_flag=True, help="Take an earlier execution that equals it.")
cache_miss_option = click.option("--fail-on-cache-miss", is_flag=True, help="As --reuse, but run nothing: exit with 5.")
git_packaging_option = click.option(
    "--git-packaging/--no-git-packaging",
    "-g/-G",
    default=True,
    help="Ask git and .gitignore what is code. Default: do.",
)
untracked_option = click.option(
    "--include-untracked/--no-include-untracked",
    default=True,
    help="Take files as code that git does not know yet, too. Default: do.",
)
groups_option = click.option(
    "--environment-variable-groups", multiple=True, hidden=True, help="Groups of the platform; without effect here."
)


def together(*options: Callable[[Any], Any]) -> Callable[[Decorated], Decorated]:
    """One decorator of several options, in this order in the help."""

    def decorate(function: Decorated) -> Decorated:
        for option in reversed(options):
            function = option(function)
        return function

    return decorate


class Given(Struct, frozen=True, kw_only=True):
    """What was typed for options that several nouns have; those that a command has not keep their defaults."""

    commit: str | None = None
    yaml: str | None = None
    adhoc: bool = False
    git_packaging: bool = True
    include_untracked: bool = True
    env_file: str | None = None
    pull: str | None = None
    no_package_cache: bool = False
    reuse: bool = False
    fail_on_cache_miss: bool = False
    quiet: bool = False

    def require_one_code(self) -> None:
        """Raises UsageError for files as they are and a commit at once."""
        if self.adhoc and self.commit:
            raise UsageError("--adhoc and --commit exclude each other", hints=["--adhoc runs your files as they are"])

    def over(self, options: RunOptions) -> RunOptions:
        """Those of the settings, with what was typed on top. Raises ProjectError for a faulty `--env-file`."""
        if self.env_file is not None:
            from localhai.executions.run.secrets import read_env_file

            path = Path(self.env_file).absolute()
            options = replace(options, secrets={**options.secrets, **read_env_file(path)}, env_file=str(path))
        return replace(
            options,
            pull=self.pull or options.pull,
            package_cache=options.package_cache and not self.no_package_cache,
            reuse=self.reuse or self.fail_on_cache_miss,
            fail_on_cache_miss=self.fail_on_cache_miss,
        )


def _set_json(ctx: click.Context, _option: click.Parameter, value: bool) -> None:
    if value:
        ctx.ensure_object(Call).format = "json"


def _set_csv(ctx: click.Context, _option: click.Parameter, value: bool) -> None:
    if value:
        ctx.ensure_object(Call).format = "csv"


def _set_project(ctx: click.Context, _option: click.Parameter, value: str | None) -> None:
    if value is not None:
        ctx.ensure_object(Call).folder = Path(value)
