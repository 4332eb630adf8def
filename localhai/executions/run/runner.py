"""The life of one execution (map.md): recorded, started, watched, ended. Whatever happens, it is closed."""

from __future__ import annotations

import socket
import time
from contextlib import ExitStack, suppress
from typing import TYPE_CHECKING, Any

from msgspec.structs import replace

from localhai.errors import DiskFull, EngineLost, Interrupted, LocalhaiError, SurroundingsError
from localhai.executions.execution import PLAN, Execution
from localhai.executions.latest import creator_name, execution_folder, point_latest
from localhai.executions.log.capture import Capture
from localhai.executions.reading import access_of, recorded
from localhai.executions.reuse.remember import ReuseRequest, remember
from localhai.executions.run import finalize, secrets
from localhai.executions.run.context import Creator, RunContext, RunOptions
from localhai.executions.run.environment import PRIVATE
from localhai.executions.run.heartbeat import at_work
from localhai.executions.run.observer import Observer
from localhai.executions.run.prepare import prepare
from localhai.executions.run.secrets import Masker
from localhai.executions.run.stop import Interruption, ctrl_c_asks
from localhai.executions.run.supervise import ContactLost, supervise
from localhai.executions.run.verdict import ContainerExit, stopwatch
from localhai.system import strict_json
from localhai.system.credentials import secrets_in
from localhai.system.durable import is_full

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from localhai.executions.datums import Resolution
    from localhai.executions.home import Home
    from localhai.project.plan import ExecutionPlan, ParityNote
    from localhai.project.snapshot import Snapshot
    from localhai.records import ExecutionRecord, Project
    from localhai.settings import Settings


def run(
    home: Home,
    project: Project,
    plan: ExecutionPlan,
    snapshot: Snapshot,
    *,
    settings: Settings | None = None,
    options: RunOptions | None = None,
    observer: Observer | None = None,
    interruption: Interruption | None = None,
) -> Execution:
    """Run one execution from record to end, in this thread; gives it in its final state, whatever that is.

    Raises what kept it from starting (InputNotFound, ImageNotFound, EngineNotFound, DiskFull...), after it was closed
    as `error`; Interrupted, after it was closed as `stopped` before its container started; KeyboardInterrupt, where
    nobody handles signals, after it was closed as `stopped`.
    With `options.reuse` it may give an earlier execution instead, or raise NotReused; nothing is recorded then.
    """
    settings, options = settings or home.settings, options or RunOptions()
    observer, interruption = observer or Observer(), interruption or Interruption()
    with ctrl_c_asks(interruption):
        look = None
        if options.reuse:
            from localhai.executions.reuse import lookup

            masker = masker_of(plan, options, settings)
            look = lookup.look(
                ReuseRequest(home, project, plan, snapshot, settings, options, masker), observer, interruption
            )
            if look.execution is not None:
                return look.take(observer)
            look.require(options)
        known_as = home.records.executions.coming_id()
        with at_work(known_as):
            context = begin(
                home,
                project,
                plan,
                snapshot,
                settings=settings,
                options=options,
                observer=observer,
                interruption=interruption,
                known_as=known_as,
            )
            if look is not None:
                look.tell(context)
            trouble = live(context)
        execution = Execution(home, context.record)
        context.observer.finished(execution.to_dict())
    if trouble is not None:
        raise trouble
    return execution


def begin(
    home: Home,
    project: Project,
    plan: ExecutionPlan,
    snapshot: Snapshot,
    *,
    settings: Settings,
    options: RunOptions,
    observer: Observer,
    interruption: Interruption,
    known_as: str | None = None,
    creator: Creator | None = None,
    priority: int | None = None,
    queued: Callable[[RunContext], ExecutionRecord] | None = None,
) -> RunContext:
    """Record an execution: `created`, its folder with plan.json, then `queued`. From here nothing is lost.

    `known_as` is its id, if it has one yet. Without `creator` it is the person of the settings. `queued` makes it
    `queued` in another way than for whoever runs it now: it may wait in a queue.
    """
    plan, resolutions = _frozen(home, project, plan, settings, options)
    if options.calls is not None:  # as on the platform, then
        plan = replace(plan, parity=tuple(note for note in plan.parity if note.key != "inputs.download"))
    masker = masker_of(plan, options, settings)
    executions = home.records.executions
    record = executions.create(
        project.id,
        step=plan.step,
        image=plan.image,
        commit=plan.commit,
        document={
            **_document(plan, snapshot, settings, options, masker),
            **_origin(home, project, options, creator, priority),
            "resolved": [resolution.to_dict() for resolution in resolutions],
        },
        owner=home.own(),
        title=plan.title,
        tags=plan.tags,
        environment=plan.environment,
        known_as=known_as,
    )
    relative = execution_folder(home.folder, project.name, project.id, record.counter, record.id)
    folder = home.folder / relative
    try:
        with ExitStack() as failing:
            _make_folder(folder, plan, masker)
            record = executions.update(record.id, folder=relative)
            capture = Capture(folder, observer=observer, masker=masker, stop_condition=plan.limits.stop_condition)
            failing.callback(capture.leave)
            context = RunContext(
                home=home,
                settings=settings,
                project=project,
                record=record,
                plan=plan,
                folder=folder,
                capture=capture,
                snapshot=snapshot,
                options=options,
                observer=observer,
                interruption=interruption,
                masker=masker,
            )
            observer.started(record.to_dict())
            _say_first(context, snapshot, resolutions)
            context.record = queued(context) if queued else executions.transition(record.id, "queued", by="localhai")
            failing.pop_all()
    except (LocalhaiError, OSError) as error:
        raise _closed_as_error(home, record.id, folder, in_words(error, folder), masker) from error
    return context


def _frozen(
    home: Home, project: Project, plan: ExecutionPlan, settings: Settings, options: RunOptions
) -> tuple[ExecutionPlan, tuple[Resolution, ...]]:
    """The plan with data by their ids: what addresses mean to whoever asks for the execution."""
    if not plan.inputs:
        return plan, ()
    from localhai.executions.datums import Addresses

    readable = access_of(home, options.requester).projects
    addresses = Addresses(home.records, project.id, options.resolved, readable=readable)
    return addresses.freeze(plan, settings.inputs)


def _closed_as_error(home: Home, record_id: str, folder: Path, trouble: LocalhaiError, masker: Masker) -> LocalhaiError:
    """The trouble, after the execution that it kept from being queued was closed by it."""
    (folder / finalize.RESERVE).unlink(missing_ok=True)
    secrets.forget(folder)
    home.records.executions.transition(record_id, "error", by="localhai", error=masker.mask_text(trouble.message))
    return trouble


def _origin(
    home: Home, project: Project, options: RunOptions, creator: Creator | None, priority: int | None
) -> dict[str, Any]:
    """Where it is made, and for whom."""
    return {
        **({} if creator is None else {"creator_id": creator.id, "user": creator.name}),
        **({} if priority is None else {"priority": priority}),
        "project_folder": project.path,
        "home": {"id": home.id, "host": socket.gethostname(), "folder": str(home.folder)},
        **recorded(options.requester),
    }


def masker_of(plan: ExecutionPlan, options: RunOptions, settings: Settings) -> Masker:
    """What hides the secrets of an execution: values of its file, passwords and signatures in addresses of inputs."""
    addresses = [*(uri for item in plan.inputs for uri in item.uris), *settings.inputs, *settings.inputs.values()]
    return Masker([*options.secrets.values(), *secrets_in(addresses)])


def in_words(error: LocalhaiError | OSError, folder: Path) -> LocalhaiError:
    """What the disk refused, as one of our errors; ours as they are."""
    if isinstance(error, LocalhaiError):
        return error
    kind = DiskFull if is_full(error) else SurroundingsError
    what = error.filename if isinstance(error.filename, str) else str(folder)
    return kind(f"{what} cannot be written: {error.strerror or error}", where=str(folder))


def _say_first(context: RunContext, snapshot: Snapshot, resolutions: Sequence[Resolution]) -> None:
    """What is known before anything runs."""
    for line in snapshot.warnings:
        context.capture.status(line)
    _say_parity(context.plan.parity, context.capture, context.observer)
    for resolution in resolutions:
        context.capture.status(str(resolution))


def _say_parity(notes: tuple[ParityNote, ...], capture: Capture, observer: Observer) -> None:
    """All into the log; what cannot make a difference to the execution is not said to the person in front of it."""
    if all(note.level == "emulated" for note in notes):
        return
    from localhai.project import parity  # its table is long

    if line := parity.sentence(notes):
        capture.status(line, only_log=True)
    if line := parity.telling_sentence(notes):
        observer.status(line)


def _make_folder(folder: Path, plan: ExecutionPlan, masker: Masker) -> None:
    try:
        (folder / "outputs").mkdir(parents=True)
        secrets.keep(folder, masker)
        (folder / PLAN).write_text(strict_json.dumps(masker.mask_value(plan.to_dict()), indent=2))
        finalize.reserve(folder)
    except OSError as error:
        raise in_words(error, folder) from error
    point_latest(folder)


def _document(
    plan: ExecutionPlan, snapshot: Snapshot, settings: Settings, options: RunOptions, masker: Masker
) -> dict[str, Any]:
    """Everything that the execution uses and that is known now; no secret among it."""
    values = {
        "command": list(plan.command),
        "parameters": dict(plan.parameters),
        "inputs": [{"name": item.name, "files": []} for item in plan.inputs],
        "parity": [{"key": note.key, "level": note.level, "text": note.text} for note in plan.parity],
        "environment_variables": sorted({*plan.environment_variables, *options.secrets}),
        "environment_variable_values": {
            name: value for name, value in plan.environment_variables.items() if name not in PRIVATE
        },
        "env_file": options.env_file,
        "image_requested": plan.image_requested,
        "dirty": snapshot.dirty,
        "base_commit": snapshot.base_commit,
        "branch": snapshot.branch,
        "yaml": snapshot.yaml,
        "user": creator_name(settings),
        "masks": bool(masker),
    }
    masked: dict[str, Any] = masker.mask_value(values)
    return masked


def live(context: RunContext) -> LocalhaiError | None:
    """From `queued` to a final state. Gives what kept the execution from starting, or ContactLost: it is open then."""
    try:
        ended, trouble = _start_and_watch(context)
    except ContactLost as error:  # it may run on: left as it is, it is adopted or closed by whoever looks next
        with suppress(LocalhaiError, OSError):
            context.capture.status(f"{error.message}; it is left as it is, and looked after once the engine answers")
        context.capture.leave()
        return error
    except BaseException as error:  # a fault of ours: the container goes and the execution is closed all the same
        with suppress(LocalhaiError):
            context.home.engine.kill(context.container or "")
        with suppress(Exception):  # what it was is said, whatever closing it comes upon
            context.record = finalize.close(
                context, ContainerExit(None, None, f"localhai failed: {type(error).__name__}: {error}")
            )
        raise
    context.record = finalize.close(context, ended)
    return trouble


def _start_and_watch(context: RunContext) -> tuple[ContainerExit, LocalhaiError | None]:
    records, ran = context.home.records, False
    try:
        if context.record.status != "started":  # it is when a server died before the container ran
            context.record = records.executions.transition(context.record.id, "started", by="localhai")
            context.seconds = stopwatch()
        prepare(context)
        remember(context)
        output = context.home.engine.attach(context.container or "")
        if context.options.member is not None:
            context.options.member.ready(context)
        ran = True
        context.home.engine.start(context.container or "")
    except Interrupted as error:
        return ContainerExit(None, "interrupted", error.message, ran=ran), error
    except EngineLost as error:
        return ContainerExit(None, None, error.message, ran=ran), error
    except LocalhaiError as error:
        return ContainerExit(None, "failed-here", error.message, ran=False), error
    except OSError as error:
        trouble = in_words(error, context.folder)
        return ContainerExit(None, "failed-here", trouble.message, ran=ran), trouble
    finally:
        context.let_go()
    return supervise(context, output, time.monotonic()), None
