"""ID: a run of a pipeline, as a person names it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click
from click.shell_completion import CompletionItem

from localhai.cli.call import Call
from localhai.errors import LocalhaiError

if TYPE_CHECKING:
    from localhai.cli.options import Decorated

RECENT = 20


def pipeline_argument(function: Decorated) -> Decorated:
    """ID: `5`, `#5`, `=5`, `latest`, an id or the beginning of one."""
    return click.argument("reference", metavar="ID", shell_complete=_complete)(function)


def pipelines_argument(function: Decorated) -> Decorated:
    """IDS: any number of them, ranges too; see `app.find`."""
    return click.argument("references", metavar="[ID]...", nargs=-1, shell_complete=_complete)(function)


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
