"""`localhai execution info`, and `open`: its folder."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

import click

from localhai.cli import formats, output
from localhai.cli.listing import print_facts, print_section
from localhai.cli.options import execution_argument, json_option, pass_call, project_option
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
        _print(document, _place(execution))


def _place(execution: Execution) -> str:
    """Its folder, or where to look for it."""
    from localhai.errors import FilesNotHere

    try:
        execution.require_folder()
    except FilesNotHere as error:
        return f"not here: {error.message} ({'; '.join(error.hints)})"
    return str(execution.folder) if execution.record.folder else ""


def _print(document: Mapping[str, Any], folder: str) -> None:
    """An execution as a person reads it."""
    print_facts(_facts(document, folder), dim=True)
    _print_inputs(document["inputs"])
    print_section("Parameters", ["Parameter", "Value"], [[key, value] for key, value in document["parameters"].items()])
    variables = [[name, shown_variable(value)] for name, value in document["environment_variables"].items()]
    print_section("Environment variables", ["Variable", "Value"], variables)
    metadata = [[key, formats.number(value)] for key, value in document["metadata"].items()]
    print_section("Metadata (latest)", ["Key", "Value"], metadata)
    outputs = [[item["name"], formats.size(item["size"]), datum_uri(item["id"])] for item in document["outputs"]]
    print_section("Outputs", ["Name", "Size", "Datum"], outputs)
    differences = [[note["key"], note["text"]] for note in document["parity"] if note["level"] != "emulated"]
    print_section("Approximated or ignored here", ["Key", "How"], differences)


def _facts(document: Mapping[str, Any], folder: str) -> list[tuple[str, Any]]:
    code = "" if document["exit_code"] is None else f" (exit code {document['exit_code']})"
    return [
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


def _not_collected(document: Mapping[str, Any]) -> str:
    reason = document["not_collected"]
    return f"{reason}; later: localhai execution collect {document['counter']}" if reason else ""


def _print_inputs(inputs: list[Mapping[str, Any]]) -> None:
    rows = [
        [item["name"], file["name"], formats.size(file["size"]), file["uri"]]
        for item in inputs
        for file in item["files"] or [{"name": "(no files)", "size": None, "uri": None}]
    ]
    print_section("Inputs", ["Input", "File", "Size", "URI"], rows)


@click.command("open")
@execution_argument
@json_option
@project_option
@pass_call
def open_execution(call: Call, reference: str) -> None:
    """Open the folder of an execution: its plan, log, metadata, config and outputs.

    The folder is printed, and on a terminal opened in the file manager. `--json` prints `{id, counter, folder}`.
    """
    with call.look() as look:
        execution = look.execution(reference)
        execution.require_folder()
        folder = str(execution.folder)
        if call.json:
            output.emit_json({"id": execution.id, "counter": execution.counter, "folder": folder})
            return
    output.emit(folder)
    if sys.stdout.isatty():
        sys.stdout.flush()
        click.launch(folder)
