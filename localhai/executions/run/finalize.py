"""At the end, whatever the end: outputs collected, container removed, state closed. Done once, and safe to do again."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Mapping
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from msgspec import Struct, field, to_builtins
from msgspec.structs import replace

from localhai.containers.limits import MEGABYTE
from localhai.errors import EngineLost, Interrupted, LocalhaiError, SurroundingsError
from localhai.executions.log.log import LogWriter, read_events
from localhai.executions.reuse.remember import remember_outputs
from localhai.executions.run import secrets, uncollected
from localhai.executions.run.outputs import Collected, collect
from localhai.executions.run.secrets import Masker
from localhai.executions.run.uncollected import Uncollected
from localhai.executions.run.verdict import Outcome, verdict
from localhai.system import durable, strict_json
from localhai.system.text import clean, file_name

if TYPE_CHECKING:
    from pathlib import Path

    from localhai.executions.home import Home
    from localhai.executions.run.context import RunContext
    from localhai.executions.run.verdict import ContainerExit
    from localhai.records import ExecutionRecord

END = "end.json"
RESERVE = "reserve"  # space that is given back when the disk is full, so that the end can still be written
RESERVED_BYTES = 512 * 1024
LAST_LINES = 60


class ExecutionEnd(Struct, frozen=True):
    """How an execution ended, as it is on disk before it is in the records.

    `metadata` are the latest values; `ranges` smallest and largest one of each key for which these are others.
    """

    status: str
    error: str | None
    exit_code: int | None
    metadata: Mapping[str, Any]
    collected: Collected
    not_collected: str | None = None
    duration: float | None = None
    ranges: Mapping[str, tuple[int | float, int | float]] = field(default_factory=dict)


def reserve(folder: Path) -> None:
    """Keep a little disk back for the end."""
    (folder / RESERVE).write_bytes(b"\0" * RESERVED_BYTES)


def close(context: RunContext, ended: ContainerExit) -> ExecutionRecord:
    """Close an execution whose container has ended, or never was. Nothing here depends on how it ended.

    1. The outputs are on this machine and ours.  2. They are data in the store.  3. How it ended is on disk, so that
    another localhai could close it if this one dies now.  4. The container is gone.  5. Records, in this order: data
    with their aliases and versions, the final status.
    """
    (context.folder / RESERVE).unlink(missing_ok=True)
    result = verdict(ended, memory_limit=context.plan.limits.memory_max)
    result, collected, left = _keep_outputs(context, result, ran=ended.ran)
    _end_capture(context, result, ended)
    end = _end(context, result, collected, left)
    with suppress(OSError):  # a full disk: the records may still have room
        durable.write(context.folder / END, strict_json.encode(end, default=to_builtins))
    if left is None or not left.on_engine:
        remove_container(context)
    context.capture.close()
    return record_end(context.home, context.record, replace(end, duration=context.seconds()))


def _keep_outputs(context: RunContext, result: Outcome, *, ran: bool) -> tuple[Outcome, Collected, Uncollected | None]:
    """Outputs are kept on success, failure and stop alike (platform.md 5). What is not collected, stays where it is."""
    on_engine = True
    try:
        fetch_outputs(context)
        on_engine = False
        collected = collect(context)
    except (LocalhaiError, OSError, UnicodeError) as error:  # a locale may know no name for an output
        left = _leave(context, error, on_engine=on_engine and context.container is not None) if ran else None
        return _without_outputs(result, error), Collected(), left
    uncollected.clear(context.folder)
    return result, collected, None


def _without_outputs(result: Outcome, error: Exception) -> Outcome:
    if result.status != "complete":
        return result
    if isinstance(error, Interrupted):
        return Outcome("stopped", "it was interrupted while its outputs were kept", result.exit_code)
    status = "crashed" if isinstance(error, EngineLost) else "error"
    return Outcome(status, f"its outputs could not be kept: {error}", result.exit_code)


NOT_KEPT = "it is not a regular file, or this disk does not tell its name from that of another one"


def fetch_outputs(context: RunContext) -> None:
    """Bring the outputs to this machine, and make them ours. Raises SurroundingsError, OSError."""
    if context.tree is None:
        return
    for name in context.tree.finish(context.container):
        context.capture.status(f"Output {file_name(os.fsencode(name))} is skipped: {NOT_KEPT}")


def _leave(context: RunContext, error: Exception, *, on_engine: bool) -> Uncollected:
    with suppress(LocalhaiError, OSError):
        context.capture.status(f"Outputs could not be kept: {error}")
    left = Uncollected(context.masker.mask_text(clean(str(error))), on_engine)
    try:
        uncollected.leave(context.folder, left)
    except OSError:  # a full disk: the record says it, and what is on the engine stays all the same
        return left
    with suppress(LocalhaiError, OSError):
        what = "its container stays for them; " if on_engine else ""
        context.capture.status(f"They are not lost: {what}localhai execution collect {context.record.counter}")
    return left


def _end_capture(context: RunContext, result: Outcome, ended: ContainerExit) -> None:
    try:
        context.capture.end()
        for line in _hints(context, ended) if result.status in {"error", "crashed"} else ():
            context.capture.status(line)
        code = "" if result.exit_code is None else f" (exit code {result.exit_code})"
        reason = "" if result.error is None else f": {result.error}"
        context.capture.status(f"Execution #{context.record.counter} is {result.status}{reason or code}")
    except (LocalhaiError, OSError) as error:
        context.observer.status(f"The end of the log could not be written: {error}")


def _hints(context: RunContext, ended: ContainerExit) -> list[str]:
    from localhai.containers.hints import hints  # its patterns, which only a failure needs

    lines = [event.message for event in read_events(context.folder, last=LAST_LINES) if event.stream != "status"]
    try:
        info = context.home.engine.info()
    except SurroundingsError:  # that no engine answers is said already, and is no riddle of the step
        return []
    memory = context.plan.limits.memory_max
    return hints(
        exit_code=ended.exit_code,
        lines=lines,
        oom_killed=ended.oom_killed,
        image=context.plan.image,
        command="\n".join(context.plan.command),
        gpus=info.gpus,
        memory_limit=None if memory is None else int(memory * MEGABYTE),
        stopped=ended.cause is not None,
        architecture=context.image.architecture if context.image is not None else "",
        engine_architecture=info.architecture,
    )


def _end(context: RunContext, result: Outcome, collected: Collected, left: Uncollected | None) -> ExecutionEnd:
    return ExecutionEnd(
        result.status,
        None if result.error is None else context.masker.mask_text(result.error),
        result.exit_code,
        context.masker.mask_value(context.capture.summary.latest, keys=True),
        collected,
        None if left is None else left.reason,
        context.seconds(),
        context.masker.mask_value(context.capture.summary.ranges, keys=True),
    )


def remove_container(context: RunContext) -> None:
    """The container, its volumes and the scratch folder go; an engine that does not answer leaves them to recovery."""
    try:
        if context.container is not None:
            context.home.engine.remove(context.container)
        if context.tree is not None:
            context.tree.remove(context.container)
    except LocalhaiError as error:
        with suppress(LocalhaiError):
            context.capture.status(f"The container could not be removed: {error}; `localhai clean` removes it later")


def read_end(folder: Path) -> ExecutionEnd | None:
    """How an execution ended, if that is on disk: not yet recorded, perhaps."""
    try:
        return strict_json.convert(json.loads((folder / END).read_bytes()), ExecutionEnd)
    except (FileNotFoundError, NotADirectoryError, ValueError):  # never written, or cut by a crash
        return None


def record_end(home: Home, record: ExecutionRecord, end: ExecutionEnd) -> ExecutionRecord:
    """Write an end into the records. May be repeated: known data and a final status stay as they are."""
    ended = _recorded(home, record, end)
    if record.folder and not end.not_collected:  # who collects later has to know what to mask
        secrets.forget(home.folder / record.folder)
    return ended


def _recorded(home: Home, record: ExecutionRecord, end: ExecutionEnd) -> ExecutionRecord:
    from localhai.vocabulary import FINAL

    collected, records = end.collected, home.records
    current = records.executions.get(record.id)
    if current.status in FINAL:  # perhaps by another machine, which took this one for dead: they are nobody's outputs
        return current
    said = records.executions.add_outputs(record.id, collected.data, collected.aliases, collected.versions)
    _say_late(home.folder / record.folder, [line for line in said if line not in collected.said])
    current = records.executions.get(record.id)
    remember_outputs(home, record.id, collected.data)
    status, error = end.status, end.error
    if status == "stopped" and current.status != "stopping":
        records.executions.transition(record.id, "stopping", by="localhai")
    elif current.status == "stopping" and status != "crashed":
        # a wish that came in its last moment: nothing else may follow (platform.md 6)
        status, error = "stopped", error or "a stop was requested"
    return records.executions.transition(
        record.id,
        status,
        by="localhai",
        exit_code=end.exit_code,
        error=error,
        metadata=end.metadata,
        metadata_ranges=end.ranges,
        **({"not_collected": end.not_collected} if end.not_collected else {}),
        **({"duration": end.duration} if end.duration else {}),
    )


def _say_late(folder: Path, sentences: list[str]) -> None:
    """What nobody could foresee: another execution made a dataset version of that name in the same moment."""
    if not sentences:
        return
    with suppress(LocalhaiError, OSError):
        log = LogWriter(folder)
        masker = secrets.kept(folder) or Masker(())
        for sentence in map(masker.mask_text, sentences):
            log.write("status", f"Outputs: {sentence}\n".encode(), time.time())
        log.close()
