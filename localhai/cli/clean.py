"""`localhai clean`."""

from __future__ import annotations

from datetime import datetime, timezone
from typing import TYPE_CHECKING

import click

from localhai.cli import formats, output
from localhai.cli.options import confirm, json_option, pass_call, project_option, yes_option
from localhai.cli.table import Column, print_table

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from localhai.cli.call import Call, HomeView
    from localhai.executions.clean import Portion


@click.command("clean")
@click.option("--cache", is_flag=True, help="Downloaded inputs and packages, and code that no execution ran with.")
@click.option("--executions", "older", metavar="OLDER", help="Executions that ended longer ago than this: 30d, 12h.")
@click.option("--containers", is_flag=True, help="Containers, volumes and networks that a crash left.")
@click.option("--all", "everything", is_flag=True, help="All of these, and every execution that has ended.")
@click.option("--all-projects", is_flag=True, help="With --executions or --all: of every project of this home.")
@click.option("--dry-run", is_flag=True, help="Only show what would go.")
@yes_option
@json_option
@project_option
@pass_call
def clean(
    call: Call,
    *,
    cache: bool,
    older: str | None,
    containers: bool,
    everything: bool,
    all_projects: bool,
    dry_run: bool,
    yes: bool,
) -> int:
    """Free disk space. Shows what would go and how much that is, and asks.

    Without options it only shows. In a project's folder, executions are those of the project. `--json` prints
    `{portions: [{what, count, size}], size, removed, problems}`.
    """
    chosen = bool(cache or older or containers or everything)
    with call.look() as look:
        portions = list(_portions(look, cache, older, containers, everything or not chosen, all_projects=all_projects))
        size = sum(portion.size or 0 for portion in portions)
        problems: list[str] = []
        remove = chosen and not dry_run and bool(portions)
        if not call.json:
            _print(portions, size)
        if remove:
            if not yes:
                confirm(f"Remove this ({formats.size(size)})? Go on?")
            # caches, which come last, go first: forgetting an execution needs room on the disk for its record
            problems = [problem for portion in reversed(portions) for problem in _removed(portion)]
    if call.json:
        shown = [portion.to_dict() for portion in portions]
        output.emit_json({"portions": shown, "size": size, "removed": remove, "problems": problems})
    else:
        _say_end(portions, size, problems, removed=remove, chosen=chosen)
    return 1 if problems else 0


def _removed(portion: Portion) -> Sequence[str]:
    """What resisted: one portion that cannot go keeps no other from it."""
    from localhai.errors import SurroundingsError

    try:
        return portion.remove()
    except SurroundingsError as error:
        return [f"{portion.what}: {' -> '.join((error.message, *error.hints))}"]
    except OSError as error:
        return [f"{portion.what}: {error}"]


def _portions(
    look: HomeView, cache: bool, older: str | None, containers: bool, everything: bool, *, all_projects: bool
) -> Iterator[Portion]:
    from localhai.executions import clean
    from localhai.project.overrides import seconds

    if older or everything:
        age = seconds(older) if older else 0.0
        project_id = None if all_projects else look.project_id
        yield from clean.old_executions(look.home, project_id, age, datetime.now(timezone.utc))
    if containers or everything:
        yield from _leftovers(look, required=containers)
    if cache or everything:
        yield from _images(look)
        yield from clean.cached(look.home)


def _images(look: HomeView) -> Iterator[Portion]:
    from localhai.deployments.leftovers import built_images
    from localhai.errors import EngineNotFound

    try:
        yield from built_images(look.home)
    except EngineNotFound:
        output.say("no Docker Engine answers: images of deployments are not looked for")


def _leftovers(look: HomeView, *, required: bool) -> Iterator[Portion]:
    from localhai.deployments.leftovers import dead_containers
    from localhai.errors import EngineNotFound
    from localhai.executions import clean

    try:
        yield from clean.leftovers(look.home)
        yield from dead_containers(look.home)
    except EngineNotFound:
        if required:
            raise
        output.say("no Docker Engine answers: what may be left there is not looked for")


def _print(portions: Sequence[Portion], size: int) -> None:
    if not portions:
        return
    columns = [Column("What"), Column("Count", right=True), Column("Size", right=True)]
    rows = [[portion.what, portion.count, formats.size(portion.size)] for portion in portions]
    print_table(columns, [*rows, ["in all", "", formats.size(size)]])


def _say_end(portions: Sequence[Portion], size: int, problems: Sequence[str], *, removed: bool, chosen: bool) -> None:
    for problem in problems:
        output.say(problem)
    if not portions:
        output.say("nothing to remove")
    elif removed:
        output.say(f"removed, {formats.size(size)} freed" if not problems else "the rest is removed")
    elif not chosen:
        output.hint("localhai clean --cache | --executions 30d | --containers | --all")
