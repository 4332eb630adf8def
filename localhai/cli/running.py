"""How to run: options that executions, tasks, pipelines and deployments share, and what they come to."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
from msgspec.structs import replace

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from localhai.cli.options import Decorated
    from localhai.executions.run.context import RunOptions

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


def with_secrets(options: RunOptions, file: str | None) -> RunOptions:
    """With those of `--env-file` on top. Raises ProjectError for a file that cannot be read."""
    if file is None:
        return options
    from localhai.executions.run.secrets import read_env_file

    path = Path(file).absolute()
    return replace(options, secrets={**options.secrets, **read_env_file(path)}, env_file=str(path))


def with_typed(options: RunOptions, given: Mapping[str, Any]) -> RunOptions:
    """With what was typed for the options above, as far as a command has them; but for the secrets."""
    if given["pull"] is not None:
        options = replace(options, pull=given["pull"])
    if given["no_package_cache"]:
        options = replace(options, package_cache=False)
    fail = bool(given.get("fail_on_cache_miss"))
    return replace(options, reuse=fail or bool(given.get("reuse")), fail_on_cache_miss=fail)
