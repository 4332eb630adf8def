"""Collect later what could not be collected at the end: the store, the engine or the disk was away or full."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING

from msgspec.structs import replace

from localhai.errors import LocalhaiError, SurroundingsError, UsageError
from localhai.executions.reuse.remember import remember_outputs
from localhai.executions.run import finalize, outputs, secrets, uncollected
from localhai.executions.run.outputs import Collected
from localhai.executions.run.recovery import find_container, own_home, restored, sweep
from localhai.system import strict_json
from localhai.system.locks import alone
from localhai.vocabulary import FINAL

if TYPE_CHECKING:
    from localhai.executions.home import Home
    from localhai.executions.run.context import RunContext
    from localhai.executions.run.uncollected import Uncollected
    from localhai.records import ExecutionRecord


def collect(home: Home, execution_id: str) -> ExecutionRecord:
    """Make data of what an ended execution left uncollected, and remove what held it; gives its record.

    Its status stays: a final one never changes. Raises UsageError when nothing waits, and what keeps it from being
    collected now; it can be tried again then.
    """
    record = home.records.executions.get(execution_id)
    with alone(f"collect {record.id}", home.folder / "cache" / "locks"):
        record = home.records.executions.get(execution_id)
        left = _waiting(home, record)
        with own_home(home, record) as own:
            context = restored(own, record)
            if context is None:
                raise SurroundingsError(
                    f"the files of execution #{record.counter} were removed or spoiled", where=record.folder
                )
            try:
                _collect(context, left)
            finally:
                context.capture.leave()
            sweep(own, record)
    return home.records.executions.get(record.id)


def _waiting(home: Home, record: ExecutionRecord) -> Uncollected:
    left = uncollected.read(home.folder / record.folder) if record.folder else None
    if record.status not in FINAL:
        raise UsageError(f"execution #{record.counter} is {record.status}: its outputs are collected when it ends")
    if left is None:
        raise UsageError(f"nothing of execution #{record.counter} waits to be collected")
    return left


def _collect(context: RunContext, left: Uncollected) -> None:
    if left.on_engine:
        _fetch(context)
        left = replace(left, on_engine=False)
    if left.collected is None:
        left = replace(left, collected=strict_json.values(outputs.collect(context)))
        uncollected.leave(context.folder, left)  # cut off from here on, it goes on with the same data
    collected = strict_json.convert(left.collected or {}, Collected)
    records = context.home.records
    for sentence in records.executions.add_outputs(
        context.record.id, collected.data, collected.aliases, collected.versions
    ):
        context.capture.status(f"Outputs: {sentence}")
    remember_outputs(context.home, context.record.id, collected.data)
    context.update(not_collected=None)
    context.capture.status(f"Its outputs are collected now: {len(collected.data)}")
    finalize.remove_container(context)
    uncollected.clear(context.folder)
    secrets.forget(context.folder)


def _fetch(context: RunContext) -> None:
    """From the container, or its volume, as at the end."""
    state = find_container(context.home, context.record)
    context.container = state.id if state is not None else None
    if context.tree is None:
        raise SurroundingsError(f"the image of execution #{context.record.counter} is gone, and its files need it")
    finalize.fetch_outputs(context)
    with suppress(LocalhaiError):
        context.capture.status("Its outputs are fetched now")
