"""ID: a run of a pipeline, as a person names it."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import click
from click.shell_completion import CompletionItem

from localhai.cli.call import Call
from localhai.cli.references import WIDEST
from localhai.errors import LocalhaiError, UsageError

if TYPE_CHECKING:
    from collections.abc import Iterable

    from localhai.cli.call import HomeView
    from localhai.cli.options import Decorated
    from localhai.records.pipeline_rows import Pipeline

RECENT = 20
_range_re = re.compile(r"[#=]?(\d{1,7})-[#=]?(\d{1,7})")


def pipeline_argument(function: Decorated) -> Decorated:
    """ID: `5`, `#5`, `=5`, `latest`, an id or the beginning of one."""
    return click.argument("reference", metavar="ID", shell_complete=_complete)(function)


def pipelines_argument(function: Decorated) -> Decorated:
    """IDS: any number of them, ranges too; see `find_pipelines`."""
    return click.argument("references", metavar="[ID]...", nargs=-1, shell_complete=_complete)(function)


def find_pipelines(look: HomeView, references: Iterable[str]) -> list[Pipeline]:
    """Those that are named, each once; `5-8` is a range of numbers. Raises UsageError."""
    found: dict[str, Pipeline] = {}
    for word in references:
        found.update({record.id: record for record in _named(look, word)})
    return list(found.values())


def _named(look: HomeView, word: str) -> list[Pipeline]:
    match = _range_re.fullmatch(word)
    if match is None:
        return [look.home.records.pipelines.find(word, look.project_id)]
    counters = range(int(match[1]), int(match[2]) + 1)
    if look.project is None or not 0 < len(counters) <= WIDEST:
        raise UsageError(f"{word!r} is no range of pipeline numbers", hints=["for example 5-8, in a project's folder"])
    records = look.home.records.pipelines.list(look.project_id, limit=WIDEST)
    found = [record for record in reversed(records) if record.counter in counters]
    if not found:
        raise UsageError(f"there are no pipelines {word}")
    return found


def complete_pipeline(call: Call, incomplete: str) -> list[CompletionItem]:
    """Numbers of the latest runs of this project."""
    try:
        with call.open_project() as project:
            rows = project.home.records.pipelines.list(project.record.id, limit=RECENT)
    except LocalhaiError:
        return []
    found = [("latest", "the newest"), *((str(row.counter), f"{row.name}: {row.status}") for row in rows)]
    return [CompletionItem(word, help=text) for word, text in found if word.startswith(incomplete)]


def _complete(ctx: click.Context, _argument: click.Parameter, incomplete: str) -> list[Any]:
    return complete_pipeline(ctx.ensure_object(Call), incomplete)
