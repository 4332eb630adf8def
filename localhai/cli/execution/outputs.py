"""`localhai execution outputs`: a list or copies; and `collect`, for what could not be collected."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from localhai.cli import formats, output
from localhai.cli.options import execution_argument, executions_argument, json_option, pass_call, project_option
from localhai.cli.table import Column, print_table
from localhai.errors import DiskFull, SurroundingsError, UsageError
from localhai.system import names
from localhai.system.names import matches
from localhai.vocabulary import datum_uri

if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import IO

    from localhai.cli.call import Call
    from localhai.cli.execution.screen import Progress
    from localhai.executions.execution import Execution
    from localhai.executions.home import Home


@click.command("outputs")
@execution_argument
@click.option(
    "--download",
    "-d",
    "folder",
    metavar="DIR",
    help="Copy the files to this folder; `{counter}` in it becomes the execution's number.",
)
@click.option("--filter", "--filter-download", "-f", "pattern", metavar="GLOB", help="Only outputs like this: '*.csv'.")
@click.option("--sync", "-s", is_flag=True, help="With --download: wait for more outputs until it has ended.")
@click.option("--force", is_flag=True, help="Copy also over files that are there already.")
@json_option
@project_option
@pass_call
def outputs(call: Call, reference: str, *, folder: str | None, pattern: str | None, sync: bool, force: bool) -> None:
    """List the outputs of an execution, or copy them to a folder."""
    if sync and folder is None:
        raise UsageError("--sync needs a folder to copy to", hints=["--sync --download DIR"])
    with call.look() as look:
        execution = look.execution(reference)
        if sync:
            from localhai.app.follow import wait_for_end

            wait_for_end(look.home, execution, output.say)
        found = [item for item in execution.outputs if pattern is None or matches(item["name"], pattern)]
        if folder is not None:
            target = Path(folder.replace("{counter}", str(execution.counter)))
            copy_outputs(look.home, found, target, force=force)
        if call.json:
            output.emit_json(found)
        elif not found and call.format == "human":
            output.say(_none(execution, pattern))
        else:
            print_outputs(found, call.format)


def _none(execution: Execution, pattern: str | None) -> str:
    number = execution.counter
    if execution.to_dict()["not_collected"]:
        return f"the outputs of execution #{number} are not collected yet: localhai execution collect {number}"
    return f"execution #{number} has no outputs" + (f" like {pattern}" if pattern else "")


def print_outputs(found: Sequence[dict[str, Any]], form: str = "human") -> None:
    """A table of outputs; for people the place is said once, below it."""
    is_human = form == "human"
    columns = [Column("Name"), Column("Size", right=True), Column("Datum"), Column("Aliases"), Column("Tags")]
    columns.append(Column("Where"))
    rows = [
        [
            item["name"],
            formats.size(item["size"]) if is_human else item["size"],
            datum_uri(item["id"]),
            ", ".join(item["aliases"]),
            ", ".join(item["tags"]),
            "deleted" if item.get("purged") else None if is_human else formats.place(item),
        ]
        for item in found
    ]
    print_table(columns, rows, form=form)
    if is_human:
        for folder in formats.folders(found):
            output.emit(f"in {folder}")


NO_SPACE = 28
BLOCK = 1 << 20


def copy_outputs(home: Home, outputs: Sequence[dict[str, Any]], folder: Path, *, force: bool) -> int:
    """Copy outputs to `folder`, under their names; gives how many. Those there already stay unless `force`."""
    from localhai.cli.execution.screen import Progress

    copied = 0
    size = 0
    progress = Progress(enabled=True)
    lost = _lost([item["name"] for item in outputs], folder)
    for item in outputs:
        target = folder / item["name"]
        if item["name"] in lost:
            output.say(f"{item['name']} is not copied: this disk does not tell it from {lost[item['name']]}")
        elif item.get("purged"):
            output.say(f"{item['name']}: its bytes were deleted")
        elif target.exists() and not force:
            output.say(f"{target} is there already (--force copies over it)")
        else:
            _copy(home, item, target, progress)
            copied, size = copied + 1, size + item["size"]
    progress.stop()
    output.say(f"copied {copied} file{'' if copied == 1 else 's'} ({formats.size(size)}) to {folder}")
    return copied


def _lost(outputs: Sequence[str], folder: Path) -> dict[str, str]:
    """Outputs that would be written over others, by those: on a disk that takes their names for one."""
    pairs = names.alike(outputs)
    if not pairs:
        return {}
    folder.mkdir(parents=True, exist_ok=True)
    return {other: first for first, other in pairs} if names.folds(folder) else {}


def _copy(home: Home, item: dict[str, Any], target: Path, progress: Progress) -> None:
    # the name itself may fill what a name can hold
    temporary = target.with_name(f".localhai-{os.urandom(8).hex()}.part")
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        with _open(home, item) as source, temporary.open("wb") as copy:
            done = 0
            while data := source.read(BLOCK):
                copy.write(data)
                done += len(data)
                progress.advance("output", item["name"], done, item["size"])
        temporary.replace(target)
    except OSError as error:
        if error.errno == NO_SPACE:
            raise DiskFull(f"no space left for {target}", where=str(target)) from error
        raise SurroundingsError(f"{item['name']} cannot be copied: {error.strerror}", where=str(target)) from error
    finally:
        temporary.unlink(missing_ok=True)


def _open(home: Home, item: dict[str, Any]) -> IO[bytes]:
    """The file of this machine, else the bytes from the store."""
    if item["path"] is not None and Path(item["path"]).is_file():
        return Path(item["path"]).open("rb")
    return home.store.open(item["uri"])


@click.command("collect")
@executions_argument(required=True)
@json_option
@project_option
@pass_call
def collect(call: Call, references: tuple[str, ...]) -> None:
    """Collect outputs that could not be collected when their execution ended.

    The store, the engine or the disk may have been away or full then: what could not be collected was kept where it
    is. The status of the execution stays. `--json` prints the executions as they are then.
    """
    from localhai.executions.run.collect import collect as collect_one

    with call.look() as look:
        found = look.executions(references)
        for execution in found:
            collect_one(look.home, execution.id)
            count = len(execution.refresh().outputs)
            output.say(f"execution #{execution.counter} ({execution.step}): {count} output{'' if count == 1 else 's'}")
        if call.json:
            output.emit_json([execution.to_dict() for execution in found])
