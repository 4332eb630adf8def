"""`localhai execution metadata EXECUTION`."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

import click

from localhai.cli import formats, output
from localhai.cli.options import execution_argument, json_option, pass_call, project_option
from localhai.cli.table import Column, cell, print_table
from localhai.errors import UsageError
from localhai.system import strict_json

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from localhai.cli.call import Call
    from localhai.executions.execution import Execution

TIME = "_time"


@click.command("metadata")
@execution_argument
@click.option("--key", "keys", multiple=True, help="Only this key; may be repeated.")
@click.option("--events", is_flag=True, help="Every metadata line in order, instead of a summary per key.")
@click.option("--csv", "as_csv", is_flag=True, help="Comma-separated values.")
@json_option
@project_option
@pass_call
def metadata(call: Call, reference: str, *, keys: tuple[str, ...], events: bool, as_csv: bool) -> None:
    """Show the metadata of an execution: latest value, minimum, maximum and count of each key.

    `--json` prints `{key: {latest, count, min, max}}`, and with `--events` a list of the lines, each with its `_time`.
    """
    if as_csv and call.json:
        raise UsageError("--csv and --json exclude each other")
    with call.look() as look:
        execution = look.execution(reference)
        chosen = _chosen(execution, keys)
        form = "csv" if as_csv else call.format
        if events:
            _print_events(execution, chosen, form, every=not keys)
        else:
            _print_summary(execution, chosen, form)


def _chosen(execution: Execution, keys: Sequence[str]) -> list[str]:
    """The keys that are asked for, or all. Raises UsageError for those that the execution has not."""
    from localhai.project.names import unknown

    known = list(execution.summary().keys)
    for key in keys:
        if key not in known:
            raise unknown("metadata key", "keys", key, known, of=f" in execution #{execution.counter}")
    return list(keys) or known


def _print_summary(execution: Execution, keys: Sequence[str], form: str) -> None:
    summary = execution.summary()
    chosen = {key: summary.keys[key] for key in keys}
    if form == "json":
        output.emit_json(strict_json.values(chosen))
        return
    if not chosen and form == "human":
        output.say(f"execution #{execution.counter} has no metadata")
        return
    show = formats.number if form == "human" else _plain
    columns = [Column("Key"), *(Column(name, right=True) for name in ("Latest", "Min", "Max", "Count"))]
    rows = [
        [key, show(item.latest), _bound(item.minimum, show), _bound(item.maximum, show), item.count]
        for key, item in chosen.items()
    ]
    print_table(columns, rows, form=form)


def _bound(value: float | None, show: Any) -> str | None:
    return None if value is None else show(value)


def _print_events(execution: Execution, keys: Sequence[str], form: str, *, every: bool) -> None:
    found = _events(execution, keys, every=every)
    if form == "json":
        _write_json(found)
    elif form == "human":
        columns = [Column(TIME), *(Column(key, right=True) for key in keys)]
        print_table(columns, ([item.get(TIME), *(_shown(item.get(key)) for key in keys)] for item in found))
    else:
        _write_separated(found, keys, form)


def _events(execution: Execution, keys: Sequence[str], *, every: bool) -> Iterator[dict[str, Any]]:
    wanted = {TIME, *keys}
    for item in execution.metadata_events():
        if every:
            yield item
        elif not wanted.isdisjoint(item.keys() - {TIME}):
            yield {key: value for key, value in item.items() if key in wanted}


def _write_json(events: Iterator[dict[str, Any]]) -> None:
    """One document, but never all of it in memory."""
    opening = "["
    for item in events:
        output.write(sys.stdout, f"{opening}\n{strict_json.dumps(item, ascii=False)}")
        opening = ","
    sys.stdout.write("[]\n" if opening == "[" else "\n]\n")


def _write_separated(events: Iterator[dict[str, Any]], keys: Sequence[str], form: str) -> None:
    import csv

    from localhai.cli.table import SEPARATORS

    writer = csv.writer(sys.stdout, delimiter=SEPARATORS[form], lineterminator="\n")
    writer.writerow([TIME, *keys])
    for item in events:
        writer.writerow([item.get(TIME), *(_plain(item[key]) if key in item else "" for key in keys)])


def _shown(value: Any) -> str:
    return "" if value is None else formats.number(value)


def _plain(value: Any) -> str:
    """Exact, for other programs."""
    if value is None or isinstance(value, str):
        return cell(value)

    return strict_json.dumps(value, ascii=False)
