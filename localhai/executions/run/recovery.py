"""After a crash: executions whose localhai died are closed with all that they wrote, or adopted while they run on.

Docker labels are the truth about containers, the records about executions; recovery joins the two (map.md).
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from contextlib import ExitStack, suppress
from typing import TYPE_CHECKING

from msgspec.structs import replace

from localhai.containers import labels, reap
from localhai.containers.trees import canary, ownership
from localhai.containers.trees.layout import live_outputs
from localhai.containers.trees.volumes import VolumeTree
from localhai.errors import EngineLost, EngineNotFound, LocalhaiError, ProjectError, UsageError
from localhai.executions.execution import PLAN, Execution
from localhai.executions.home import Home
from localhai.executions.log.capture import Capture
from localhai.executions.run import finalize, uncollected
from localhai.executions.run.context import RunContext
from localhai.executions.run.group import remove_left
from localhai.executions.run.heartbeat import claimed, own_owner
from localhai.executions.run.observer import Observer
from localhai.executions.run.owner import close_from_afar, is_alive, is_left, is_out_of_reach
from localhai.executions.run.prepare import container_name, tree_contents
from localhai.executions.run.secrets import LOST, forget, masker_of_left
from localhai.executions.run.supervise import ContactLost, supervise
from localhai.executions.run.verdict import ContainerExit, by_engine, moment
from localhai.project.plan import ExecutionPlan
from localhai.records import ids
from localhai.settings import Settings
from localhai.system import strict_json
from localhai.system.text import path_of
from localhai.vocabulary import FINAL, INCOMPLETE

if TYPE_CHECKING:
    from collections.abc import Callable

    from localhai.containers.engine import ContainerState
    from localhai.executions.run.stop import Interruption
    from localhai.records import ExecutionRecord

    GiveBack = Callable[[Home, ExecutionRecord], bool]

NEVER_RAN = "its localhai died before its container ran"
ENDED_FROM_OUTSIDE = frozenset({137, 143})  # SIGKILL and SIGTERM: nobody is left to say who sent them


def left(home: Home) -> list[ExecutionRecord]:
    """Open executions that nobody works on. Costs one query when there is none."""
    return [record for record in home.records.executions.list_open() if is_left(home, record)]


def look_after(home: Home, record: ExecutionRecord, say: Callable[[str], None], give_back: GiveBack) -> None:
    """Look after one of them; tell `say` what was done. `give_back` lets one wait again that had waited in a queue.

    What has ended is closed; what still runs gets a process of its own that watches it to its end. What a silent
    machine ran, and where, is out of reach: it is closed, and that machine cleans up when it is back. What has said
    how it ended is closed by that, with or without an engine. Raises LocalhaiError, OSError: it is left for the next
    time then.
    """
    with claimed(record.id) as is_ours:
        if is_ours:
            _look_after(home, record, say, give_back)


def clean_up(home: Home, say: Callable[[str], None]) -> None:
    """What this machine ran while others took it for dead: closed there, its containers and files are still here."""
    for owner in home.records.processes.given_up(own_owner().host):
        if is_alive(owner):
            continue  # it hears of it itself
        try:
            for execution_id in sorted(_left_here(home)):
                _remove_if_closed(home, execution_id, say)
        except EngineNotFound:
            return
        home.records.processes.forget(owner)


def _left_here(home: Home) -> set[str]:
    """Executions that have a container of a dead process here, or files that only a running one needs."""
    found = {state.labels[labels.EXECUTION] for state in reap.orphans(home.engine)}
    for name in (finalize.RESERVE, "scratch"):
        found |= {path.parent.name.partition("-")[2] for path in home.folder.glob(f"executions/*/*/{name}")}
    return found


def _remove_if_closed(home: Home, execution_id: str, say: Callable[[str], None]) -> None:
    try:
        record = home.records.executions.get(execution_id)
    except UsageError:  # of other records
        return
    if record.status in FINAL:
        sweep(home, record)
        say(f"{name_of(record)} was closed while nothing was heard of this machine; what it left here is removed")


def _look_after(home: Home, record: ExecutionRecord, say: Callable[[str], None], give_back: GiveBack) -> None:
    if is_out_of_reach(home, record):
        close_from_afar(home, record, say)
        return
    state = None if _said_its_end(home, record) else find_container(home, record)
    if state is not None and state.running:
        process = _start_adopter(home, record)
        say(f"{name_of(record)} was left running by a localhai that died; process {process} now watches it to its end")
        return
    if _never_ran(record, state) and give_back(home, record):
        sweep(home, record)
        say(f"{name_of(record)} had not started when its localhai died: it waits again for localhai serve")
        return
    if not home.records.executions.adopt(record.id, record.owner, home.own(at_once=True)):
        return  # another localhai was quicker
    with own_home(home, record) as own:
        closed = _close_ended(own, record, state)
    is_ours = record.owner == own_owner()
    how = "ended while nobody could record it" if is_ours else "was left by a localhai that died"
    say(f"{name_of(record)} {how}; it is closed as {closed.status}, log and outputs are kept")


def _said_its_end(home: Home, record: ExecutionRecord) -> bool:
    return bool(record.folder) and finalize.read_end(home.folder / record.folder) is not None


def _never_ran(record: ExecutionRecord, state: ContainerState | None) -> bool:
    """Whether its command has not begun: nothing is lost by making it anew."""
    return state.status == "created" if state is not None else record.container_id is None


def find_container(home: Home, record: ExecutionRecord) -> ContainerState | None:
    """The container of an execution, by its label: the id may never have been recorded."""
    found = home.engine.containers({labels.EXECUTION: record.id})
    listed = next((state for state in found if state.name == container_name(record.id)), None)  # others are helpers
    return None if listed is None else home.engine.state(listed.id)  # a list knows neither its times nor why it ended


def _start_adopter(home: Home, record: ExecutionRecord) -> int:
    """In a process of its own. What this process dropped is not to be taken for what it is at work on."""
    is_dropped = record.owner == own_owner()
    environment = {**os.environ, "LOCALHAI_HOME": str(home.folder)}
    if home.settings.database_url:
        environment["LOCALHAI_DATABASE_URL"] = home.settings.database_url
    process = subprocess.Popen(  # noqa: S603  # our own interpreter and module
        [sys.executable, "-m", "localhai.executions.run.recovery", record.id, *(["--dropped"] if is_dropped else [])],
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
        cwd="/",
    )
    process.returncode = 0  # it outlives us on purpose: no warning about a child that still runs
    return process.pid


def own_home(home: Home, record: ExecutionRecord) -> Home:
    """The same home by the settings of the execution's project: whoever looks may stand in another one."""
    project = next(item for item in home.records.projects.list() if item.id == record.project_id)
    folder = path_of(record.document.get("project_folder") or project.path)  # a project may have one on each machine
    try:
        settings = Settings.load(folder)
    except ProjectError:  # its localhai.toml was spoiled since
        settings = home.settings
    settings = replace(settings, home=home.settings.home, database_url=home.settings.database_url)
    return Home(settings, engine=home.engine, tell=home.tell)


def adopt(
    home: Home, execution_id: str, *, interruption: Interruption | None = None, dropped: bool = False
) -> Execution | None:
    """Become the owner of an execution whose localhai died, and watch it to its end. None when it has another owner.

    `dropped`: its owner, which lives, does not work on it any more.
    """
    record = home.records.executions.get(execution_id)
    with claimed(execution_id) as is_ours:
        if not is_ours or not (record.owner is None or dropped or is_left(home, record)):
            return None
        if not home.records.executions.adopt(record.id, record.owner, home.own(at_once=True)):
            return None
        state = find_container(home, record)
        with own_home(home, record) as own:
            context = restored(own, record) if state is not None and state.running else None
            if state is None or context is None:
                _close_ended(own, record, state)
            else:
                _watch_on(context, state, interruption)
    return home.execution(record.id)


def _watch_on(context: RunContext, state: ContainerState, interruption: Interruption | None) -> None:
    context.container = state.id
    context.interruption = interruption or context.interruption
    context.capture.status("Its localhai died; another one has taken it over.")
    try:
        ended = supervise(context, context.home.engine.logs(state.id), time.monotonic() - _age(state))
    except ContactLost:
        context.capture.leave()  # it stays as it is, for the next one
        raise
    with suppress(EngineNotFound, EngineLost):
        _measure(context, find_container(context.home, context.record))
    finalize.close(context, ended)
    sweep(context.home, context.record)


def sweep(home: Home, record: ExecutionRecord) -> None:
    """What the dead one made beside its container: helpers, volumes that it had no time to use.

    What waits to be collected stays.
    """
    left = uncollected.read(home.folder / record.folder) if record.folder else None
    if left is not None and left.on_engine:
        (home.folder / record.folder / finalize.RESERVE).unlink(missing_ok=True)
        return
    with suppress(EngineNotFound, EngineLost):  # no reason to say nothing of its end; `clean` looks later
        reap.remove(home.engine, reap.of_execution(home.engine, record.id))
        task = home.records.tasks.of_execution(record.id)
        if task is not None and not any(home.records.tasks.counts(task).get(status) for status in INCOMPLETE):
            remove_left(home, task)
    if record.folder:
        folder = home.folder / record.folder
        (folder / finalize.RESERVE).unlink(missing_ok=True)
        forget(folder)
        if not (folder / "scratch" / "live").exists():  # outputs that nobody could collect: better left than lost
            ownership.remove_tree(str(folder / "scratch"))


def _close_ended(home: Home, record: ExecutionRecord, state: ContainerState | None) -> ExecutionRecord:
    closed = _close(home, record, state)
    sweep(home, record)
    return closed


def _close(home: Home, record: ExecutionRecord, state: ContainerState | None) -> ExecutionRecord:
    end = finalize.read_end(home.folder / record.folder) if record.folder else None
    if end is not None:
        return finalize.record_end(home, record, end)
    context = restored(home, record)
    if context is None:
        return _close_without_files(home, record, state)
    context.container = state.id if state is not None else None
    _measure(context, state)
    return finalize.close(context, _how_it_ended(context, state))


def _measure(context: RunContext, state: ContainerState | None) -> None:
    seconds = None if state is None else by_engine(context.record.started, state)
    context.seconds = lambda: seconds


def _how_it_ended(context: RunContext, state: ContainerState | None) -> ContainerExit:
    if state is None and context.record.container_id is not None:
        return ContainerExit(None, None, "its localhai died, and its container was removed by somebody else")
    if state is None or state.status == "created":
        return ContainerExit(None, None, NEVER_RAN, ran=False)
    _take_rest_of_log(context, state)
    if context.record.stop_requested is not None:
        return ContainerExit(state.exit_code, "requested", "a stop was requested", state.oom_killed)
    if state.exit_code in ENDED_FROM_OUTSIDE and not state.oom_killed:
        how = f"it was ended from outside (exit code {state.exit_code})"
        return ContainerExit(
            None, None, f"its localhai died, and {how}, as an engine or a machine that shuts down does"
        )
    return ContainerExit(state.exit_code, None, None, state.oom_killed)


def _take_rest_of_log(context: RunContext, state: ContainerState) -> None:
    """As far as it can be had: that it cannot is no reason to leave the execution open. Raises EngineLost."""
    try:
        context.capture.pump(context.home.engine.logs(state.id))
    except (EngineLost, EngineNotFound):
        raise
    except (LocalhaiError, OSError) as error:
        with suppress(LocalhaiError, OSError):
            context.capture.status(f"The rest of the log could not be had: {error}")


def _close_without_files(home: Home, record: ExecutionRecord, state: ContainerState | None) -> ExecutionRecord:
    status = "stopped" if record.status == "stopping" else "crashed"
    error = NEVER_RAN
    if state is not None:
        error = "its localhai died, and its files were removed or spoiled by somebody else"
    return home.records.executions.transition(record.id, status, by="recovery", error=error)


def restored(home: Home, record: ExecutionRecord) -> RunContext | None:
    """None when its files were never written, or somebody removed or spoiled them: one such may not stop all others."""
    try:
        return _restore(home, record) if record.folder else None
    except (FileNotFoundError, ValueError, KeyError, TypeError, IndexError):
        return None


def _restore(home: Home, record: ExecutionRecord) -> RunContext:
    """The context of an execution from what is on disk, as far as watching and ending need it."""
    folder = home.folder / str(record.folder)
    plan = strict_json.convert(json.loads((folder / PLAN).read_bytes()), ExecutionPlan)
    project = next(item for item in home.records.projects.list() if item.id == record.project_id)
    masker, may_miss = masker_of_left(home, record)
    stop_condition = plan.limits.stop_condition
    capture = Capture(folder, observer=Observer(), masker=masker, stop_condition=stop_condition, adopt=True)
    ids.seen(record.id)  # data that it puts out sort after it, whatever the clock says now
    with ExitStack() as failing:
        failing.callback(capture.leave)
        if may_miss:
            capture.status(LOST)
        context = RunContext(
            home=home,
            settings=home.settings,
            project=project,
            record=home.records.executions.get(record.id),
            plan=plan,
            folder=folder,
            capture=capture,
            masker=masker,
        )
        context.image = home.engine.image(str(record.document.get("image_digest") or plan.image)) or home.engine.image(
            plan.image
        )
        if context.image is not None:
            contents, wanted = tree_contents(context), home.settings.files
            if VolumeTree.name_of(contents) in home.engine.volumes({labels.EXECUTION: record.id}):
                wanted = "volumes"  # as it was begun, whatever settings and engine would say now
            context.tree = canary.choose(home.engine, home.folder, context.image, wanted=wanted)
            context.tree.resume(contents)
        uncollected.bring_back(folder)
        context.live_outputs = live_outputs(context.scratch)
        failing.pop_all()
        return context


def _age(state: ContainerState) -> float:
    """Seconds since the container started."""
    if state.started is None:
        return 0.0
    return max(0.0, time.time() - moment(state.started).timestamp())


def name_of(record: ExecutionRecord) -> str:
    return f"Execution #{record.counter} ({record.step}, project {record.project})"


if __name__ == "__main__":
    with Home() as opened:
        adopt(opened, sys.argv[1], dropped="--dropped" in sys.argv[2:])
