"""Collect later what could not be collected at the end: the store, the engine or the disk was away or full."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING

from msgspec.structs import replace

from localhai.containers.locking import alone
from localhai.errors import LocalhaiError, SurroundingsError, UsageError
from localhai.executions import ending, kept_secrets, outputs, uncollected
from localhai.executions.outputs import Collected
from localhai.executions.recovery import find_container, own_home, restored, sweep
from localhai.executions.reuse_outputs import remember_outputs
from localhai.records import FINAL

if TYPE_CHECKING:
    from localhai.executions.home import Home
    from localhai.executions.life import Life
    from localhai.executions.uncollected import Uncollected
    from localhai.records import ExecutionRecord


def collect(home: Home, execution_id: str) -> ExecutionRecord:
    """Make data of what an ended execution left uncollected, and remove what held it; gives its record.

    Its status stays: a final one never changes. Raises UsageError when nothing waits, and what keeps it from being
    collected now; it can be tried again then.
    """
    record = home.records.execution(execution_id)
    with alone(f"collect {record.id}", home.folder / "cache" / "locks"):
        record = home.records.execution(execution_id)
        left = _waiting(home, record)
        with own_home(home, record) as own:
            life = restored(own, record)
            if life is None:
                raise SurroundingsError(
                    f"the files of execution #{record.counter} were removed or spoiled", where=record.folder
                )
            try:
                _collect(life, left)
            finally:
                life.capture.leave()
            sweep(own, record)
    return home.records.execution(record.id)


def _waiting(home: Home, record: ExecutionRecord) -> Uncollected:
    left = uncollected.read(home.folder / record.folder) if record.folder else None
    if record.status not in FINAL:
        raise UsageError(f"execution #{record.counter} is {record.status}: its outputs are collected when it ends")
    if left is None:
        raise UsageError(f"nothing of execution #{record.counter} waits to be collected")
    return left


def _collect(life: Life, left: Uncollected) -> None:
    if left.on_engine:
        _fetch(life)
        left = replace(left, on_engine=False)
    if left.collected is None:
        left = replace(left, collected=outputs.collect(life).to_dict())
        uncollected.leave(life.folder, left)  # cut off from here on, it goes on with the same data
    collected = Collected.from_dict(left.collected or {})
    records = life.home.records
    for sentence in records.add_outputs(life.record.id, collected.data, collected.aliases, collected.versions):
        life.capture.status(f"Outputs: {sentence}")
    remember_outputs(life.home, life.record.id, collected.data)
    life.update(not_collected=None)
    life.capture.status(f"Its outputs are collected now: {len(collected.data)}")
    ending.remove_container(life)
    uncollected.clear(life.folder)
    kept_secrets.forget(life.folder)


def _fetch(life: Life) -> None:
    """From the container, or its volume, as at the end."""
    state = find_container(life.home, life.record)
    life.container = state.id if state is not None else None
    if life.tree is None:
        raise SurroundingsError(f"the image of execution #{life.record.counter} is gone, and its files need it")
    ending.fetch_outputs(life)
    with suppress(LocalhaiError):
        life.capture.status("Its outputs are fetched now")
