"""Which process looks after an execution, in the words of the records and of container labels, and when one is left.

Executions of a machine that fell silent are closed by another one: their files are where they were, out of reach.
"""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING

from localhai.containers import labels
from localhai.errors import LocalhaiError, TransitionError
from localhai.executions.run.heartbeat import is_at_work, own_owner
from localhai.records.times import now, parse
from localhai.system.process import is_this_machine

if TYPE_CHECKING:
    from collections.abc import Callable

    from localhai.executions.home import Home
    from localhai.records import ExecutionRecord, Owner


def is_alive(owner: Owner) -> bool:
    """Whether the process still runs; one of another machine is taken to."""
    return labels.is_alive(labels.OwnerLabel(owner.host, owner.pid, owner.process_start, owner.boot_id))


def is_here(owner: Owner) -> bool:
    """Whether it is, or was, a process of this machine."""
    return is_this_machine(owner.host, owner.boot_id)


def is_gone(home: Home, owner: Owner | None, since: str, known_as: str) -> bool:
    """Whether what has this id and was recorded at `since` is left alone.

    On this machine we look, on others only silence tells. What this process owns is left when none of its threads is
    at work on it. What has no owner waits for one, and is not left.
    """
    if owner is None:
        return False
    if is_here(owner):
        return is_dropped(owner, known_as) or not is_alive(owner)
    return is_silent(home, owner, since)


def is_dropped(owner: Owner | None, known_as: str) -> bool:
    """Whether it is recorded as this process's own, and no thread here is at work on it."""
    return owner == own_owner() and not is_at_work(known_as)


def is_left(home: Home, record: ExecutionRecord) -> bool:
    """`is_gone` for an execution. One of another home on this machine is that home's, until it is silent."""
    owner = record.owner
    if owner is None or not is_here(owner) or has_files(home, record):
        return is_gone(home, owner, record.created, record.id)
    return not is_alive(owner) and is_silent(home, owner, record.created)


def has_files(home: Home, record: ExecutionRecord) -> bool:
    """Whether its log and outputs are in this home, or would be: several homes share only records elsewhere."""
    made = home.has_made(record.made_in.get("id")) if home.settings.database_url and record.folder else None
    return is_of_home(home, record.folder) if made is None else made


def is_of_home(home: Home, folder: str | None) -> bool:
    """Whether an execution with that folder belongs to this home: another home cannot run it either."""
    return not folder or not home.settings.database_url or (home.folder / folder).is_dir()


def is_silent(home: Home, owner: Owner, since: str) -> bool:
    """Whether nothing was heard of it for its timeout; one that never gave a sign counts from `since`."""
    silence = home.records.processes.silence(owner)
    if silence is None:
        silence = (now() - parse(since)).total_seconds()
    return silence >= timeout_of(home, owner)


def timeout_of(home: Home, owner: Owner) -> float:
    """For how many seconds it may be silent: as it said itself, for it gives its signs by that; else as is set here."""
    said = home.records.processes.timeout(owner)
    return home.settings.host_timeout if said is None else said


def is_out_of_reach(home: Home, record: ExecutionRecord) -> bool:
    """Whether log and outputs of an execution can only be in another home. Without a folder there are none yet."""
    if record.folder:
        return not has_files(home, record)
    return record.owner is not None and not is_here(record.owner)


def close_from_afar(home: Home, record: ExecutionRecord, say: Callable[[str], None]) -> None:
    """Close it as `crashed` (`stopped`, if that was asked for). Its machine is noted, to clean up when it is back.

    Should its localhai live after all, it hears of this when it asks the records, and keeps nothing.
    """
    from localhai.containers import reap

    assert record.owner is not None  # noqa: S101  # what has no owner is not left
    host = record.owner.host
    home.records.processes.give_up(record.owner)
    if not home.records.executions.adopt(record.id, record.owner, home.own(at_once=True)):
        return  # another localhai was quicker
    timeout = f"{timeout_of(home, record.owner):g} s"
    error = f"nothing was heard of its localhai on {host} for {timeout}; what it wrote stayed there"
    status = "stopped" if record.status == "stopping" else "crashed"
    try:
        home.records.executions.transition(record.id, status, by="recovery", error=error)
    except TransitionError:  # a wish to stop came in the same moment
        home.records.executions.transition(record.id, "stopped", by="recovery", error=error)
    with suppress(LocalhaiError):  # several homes may share an engine; where they do not, there is nothing to find
        reap.remove(home.engine, reap.of_execution(home.engine, record.id))
    say(
        f"Execution #{record.counter} ({record.step}, project {record.project}) is closed as {status}: "
        f"nothing was heard of {host} for {timeout}"
    )
