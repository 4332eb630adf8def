"""What is on record, as every noun lists it and tells its facts: options, tables, one JSON document."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, TypeVar

import click

from localhai.cli import output
from localhai.cli.table import Column, print_table

if TYPE_CHECKING:
    from collections.abc import Iterable

    from localhai.cli.call import Call
    from localhai.cli.options import Decorated

Item = TypeVar("Item")
_NAMES = 14  # letters


def count_option(most: int) -> Callable[[Decorated], Decorated]:
    """`--count`: how many, the newest ones."""
    return click.option(
        "--count", "--limit", "-n", type=click.IntRange(min=1), default=most, show_default=True, help="How many."
    )


def owned_options(nouns: str) -> Callable[[Decorated], Decorated]:
    """`--owned` and `--deleted`, which every list of `vh` has."""

    def decorate(function: Decorated) -> Decorated:
        function = click.option("--deleted", "-d", is_flag=True, hidden=True)(function)
        return click.option("--owned", "-o", is_flag=True, help=f"Only {nouns} that you started.")(function)

    return decorate


def all_projects_option(nouns: str) -> Callable[[Decorated], Decorated]:
    """`--all-projects`: not only of the project here."""
    return click.option("--all-projects", is_flag=True, help=f"{nouns} of every project of this home.")


def print_no_deleted(call: Call, what: str) -> None:
    """The list of what was deleted: nothing is kept of it."""
    if call.json:
        output.emit_json([])
    else:
        output.say(f"no deleted {what}: nothing is kept of what is deleted here")


def print_list(
    call: Call,
    found: Sequence[Item],
    document: Callable[[Item], Any],
    columns: Sequence[Column],
    row: Callable[[Item], Sequence[Any]],
    *,
    none: str,
) -> None:
    """A list: each as its `document` with `--json`, else as the `row` of a table. Of no item `none` is said."""
    if call.json:
        output.emit_json([document(item) for item in found])
    elif not found and call.format == "human":
        output.say(none)
    else:
        print_table(columns, map(row, found), form=call.format)


def print_facts(facts: Mapping[str, Any] | Sequence[tuple[str, Any]], *, dim: bool = False) -> None:
    """Names and values, those that there are; `dim`: the names, in a column of one width for all nouns."""
    pairs = list(facts.items() if isinstance(facts, Mapping) else facts)
    width = _NAMES if dim else max(len(name) for name, _ in pairs) + 1
    for name, value in pairs:
        if value:
            head = output.style(name.ljust(width), sys.stdout, dim=True) if dim else name.ljust(width)
            output.emit(f"{head} {value}")


def print_heading(title: str) -> None:
    """What stands above the next table."""
    output.emit("\n" + output.style(title, sys.stdout, bold=True))


def print_section(title: str, headers: Sequence[str], rows: Iterable[Sequence[Any]], *, form: str = "human") -> None:
    """A heading and its table, sizes to the right; nothing where there are no rows."""
    rows = list(rows)
    if rows:
        print_heading(title)
        print_table([Column(header, right=header == "Size") for header in headers], rows, form=form)
