"""`localhai execution assert EXECUTION CONDITION...`: a gate for CI over the metadata of an execution."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any
from xml.etree.ElementTree import Element, SubElement, tostring

import click

from localhai.cli import output
from localhai.cli.options import execution_argument, json_option, pass_call, project_option
from localhai.errors import UsageError
from localhai.executions.reuse.code import REPORT_MARK

if TYPE_CHECKING:
    from collections.abc import Sequence

    from localhai.cli.call import Call
    from localhai.executions.execution import Execution

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
