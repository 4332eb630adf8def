"""`localhai execution info EXECUTION`."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

import click

from localhai.cli import formats, output
from localhai.cli.options import execution_argument, json_option, pass_call, project_option
from localhai.cli.table import Column, print_table
from localhai.executions.inspect.diff import shown_variable
from localhai.vocabulary import datum_uri

if TYPE_CHECKING:
    from collections.abc import Mapping

    from localhai.cli.call import Call
    from localhai.executions.execution import Execution


@click.command("info")
@execution_argument
@json_option
@project_option
@pass_call
def info(call: Call, reference: str) -> None:
    """Show all about one execution."""
    with call.look() as look:
        execution = look.execution(reference)
        document = execution.to_dict()
        if call.json:
            output.emit_json(document)
            return
        print_facts(document, _place(execution))


def _place(execution: Execution) -> str:
    """Its folder, or where to look for it."""
    from localhai.errors import FilesNotHere

    try:
        execution.require_folder()
    except FilesNotHere as error:
        return f"not here: {error.message} ({'; '.join(error.hints)})"
    return str(execution.folder) if execution.record.folder else ""


def print_facts(document: Mapping[str, Any], folder: str) -> None:
    """An execution as a person reads it."""
    width = 14
    for name, text in _facts(document, folder):
        output.emit(f"{output.style(name.ljust(width), sys.stdout, dim=True)} {text}")
    _print_inputs(document["inputs"])
    _section("Parameters", ["Parameter", "Value"], [[key, value] for key, value in document["parameters"].items()])
    variables = [[name, shown_variable(value)] for name, value in document["environment_variables"].items()]
    _section("Environment variables", ["Variable", "Value"], variables)
    metadata = [[key, formats.number(value)] for key, value in document["metadata"].items()]
    _section("Metadata (latest)", ["Key", "Value"], metadata)
    outputs = [[item["name"], formats.size(item["size"]), datum_uri(item["id"])] for item in document["outputs"]]
    _section("Outputs", ["Name", "Size", "Datum"], outputs)
    differences = [[note["key"], note["text"]] for note in document["parity"] if note["level"] != "emulated"]
    _section("Approximated or ignored here", ["Key", "How"], differences)


def _facts(document: Mapping[str, Any], folder: str) -> list[tuple[str, str]]:
    code = "" if document["exit_code"] is None else f" (exit code {document['exit_code']})"
    facts = [
        ("Execution", f"#{document['counter']} of {document['project']}"),
        ("Status", output.status_word(document["status"], sys.stdout) + code),
        ("Error", document["error"]),
        ("Not collected", _not_collected(document)),
        ("Detail", document["status_detail"]),
        ("Title", document["title"]),
        ("Tags", ", ".join(document["tags"])),
        ("Step", document["step"]),
        ("Commit", document["commit"]),
        ("Image", document["image"]),
        ("Image digest", document["image_digest"]),
        ("Environment", document["environment"]),
        ("Created", formats.moment(document["created"])),
        ("Started", formats.moment(document["started"])),
        ("Finished", formats.moment(document["finished"])),
        ("Duration", formats.duration(document["duration"])),
        ("Id", document["id"]),
        ("Folder", folder),
        ("Command", ("\n" + " " * 15).join("\n".join(document["command"] or ()).splitlines())),
    ]
    return [(name, str(text)) for name, text in facts if text]


def _not_collected(document: Mapping[str, Any]) -> str:
    reason = document["not_collected"]
    return f"{reason}; later: localhai execution collect {document['counter']}" if reason else ""


def _print_inputs(inputs: list[Mapping[str, Any]]) -> None:
    rows = [
        [item["name"], file["name"], formats.size(file["size"]), file["uri"]]
        for item in inputs
        for file in item["files"] or [{"name": "(no files)", "size": None, "uri": None}]
    ]
    _section("Inputs", ["Input", "File", "Size", "URI"], rows)


def _section(title: str, headers: list[str], rows: list[list[Any]]) -> None:
    if not rows:
        return
    output.emit("\n" + output.style(title, sys.stdout, bold=True))
    print_table([Column(header, right=header == "Size") for header in headers], rows)
