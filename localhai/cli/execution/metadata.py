"""`localhai execution metadata`, and `assert`: a gate for CI over them."""

from __future__ import annotations

import sys
from pathlib import Path
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


FAILED = 1
Result = dict[str, Any]


@click.command("assert")
@execution_argument
@click.argument("conditions", metavar="CONDITION...", nargs=-1, required=True)
@click.option("--junit", metavar="FILE", type=click.Path(path_type=Path), help="Write a JUnit report for CI.")
@json_option
@project_option
@pass_call
@click.pass_context
def assert_execution(
    context: click.Context, call: Call, *, reference: str, conditions: tuple[str, ...], junit: Path | None
) -> None:
    """Hold the metadata of an execution against conditions such as "accuracy >= 0.9".

    A condition is an expression over the latest value of each key, as in a stop-condition. Exits with 1 when one is
    not met, when a key is missing, or when the execution is not complete.

    `--json` prints `{execution, passed, conditions: [{condition, passed, reason}]}`.
    """
    with call.look() as look:
        execution = look.execution(reference)
        results = [_judge(execution, condition) for condition in conditions]
    if junit is not None:
        _write(junit, execution, results)
    if call.json:
        output.emit_json({"execution": execution.id, "passed": _passed(results), "conditions": results})
    else:
        for result in results:
            mark, why = ("met", "") if result["passed"] else ("NOT MET", f" ({result['reason']})")
            output.emit(f"{mark}: {result['condition']}{why}")
    if not _passed(results):
        context.exit(FAILED)


def _passed(results: Sequence[Result]) -> bool:
    return all(result["passed"] for result in results)


def _judge(execution: Execution, condition: str) -> Result:
    """Raises UsageError for what is no condition."""
    reason = f"execution #{execution.counter} is {execution.status}" if not execution.complete else None
    reason = reason or _why_not(condition, execution.metadata)
    return {"condition": condition, "passed": reason is None, "reason": reason}


def _why_not(condition: str, metadata: dict[str, Any]) -> str | None:
    import ast

    from leval.excs import NoSuchValue
    from leval.extras.common_boolean_evaluator import CommonBooleanEvaluator

    try:
        names = {node.id for node in ast.walk(ast.parse(condition, mode="eval")) if isinstance(node, ast.Name)}
        known: dict[tuple[str, ...] | str, Any] = {_path(key): value for key, value in metadata.items()}
        if CommonBooleanEvaluator().evaluate(condition, known):
            return None
    except NoSuchValue as error:
        return f"a key is missing ({error}); there is: {', '.join(metadata) or 'none'}"
    except Exception as error:  # leval lets through whatever the operands raise
        raise UsageError(
            f"{condition!r} is no condition: {error}", hints=['write for instance "accuracy >= 0.9"']
        ) from error
    return ", ".join(f"{name} is {metadata[name]}" for name in sorted(names) if name in metadata) or "it is false"


def _path(key: str) -> tuple[str, ...] | str:
    """`test.accuracy` is an attribute in the expression language."""
    return tuple(key.split(".")) if "." in key else key


def _write(file: Path, execution: Execution, results: Sequence[Result]) -> None:
    """Raises UsageError when the file cannot be written."""
    from xml.etree.ElementTree import Element, SubElement, tostring

    from localhai.executions.reuse.code import REPORT_MARK

    failures = sum(not result["passed"] for result in results)
    name = f"{execution.step} #{execution.counter}"
    suite = Element("testsuite", name=name, tests=str(len(results)), failures=str(failures), errors="0")
    suite.set("package", REPORT_MARK)  # by which it is known to be no code, where it is written into the project
    for result in results:
        case = SubElement(suite, "testcase", classname=name, name=result["condition"], time="0")
        if not result["passed"]:
            SubElement(case, "failure", message=result["reason"])
    try:
        file.write_bytes(tostring(suite, encoding="utf-8", xml_declaration=True))
    except OSError as error:
        raise UsageError(f"{file} cannot be written: {error.strerror}", where=str(file)) from error
