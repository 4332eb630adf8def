"""The life of one execution (map.md): recorded, started, watched, ended. Whatever happens, it is closed."""

from __future__ import annotations

import socket
import time
from contextlib import ExitStack, contextmanager, suppress
from typing import TYPE_CHECKING, Any

from msgspec import Struct
from msgspec.structs import force_setattr, replace

from localhai.errors import DiskFull, EngineLost, Interrupted, LocalhaiError, SurroundingsError
from localhai.executions.execution import PLAN, Execution
from localhai.executions.latest import creator_name, execution_folder, point_latest
from localhai.executions.log.capture import Capture
from localhai.executions.reading import access_of, recorded
from localhai.executions.reuse.remember import ReuseRequest, remember
from localhai.executions.run import finalize, secrets
from localhai.executions.run.context import RunContext
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
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from localhai.executions.datums import Resolution
    from localhai.executions.home import Home
    from localhai.executions.project_context import ProjectContext
    from localhai.executions.run.context import RunOptions
    from localhai.project.plan import ExecutionPlan, ParityNote
    from localhai.project.snapshot import Snapshot
    from localhai.records import ExecutionRecord


class ExecutionStart(Struct, frozen=True):
    """An execution that is asked for: what runs, with which code, how and for whom.

    Its plan names the commit of its code. Where it waits for its turn, a higher `priority` comes first.
    """

    project: ProjectContext
    plan: ExecutionPlan
    snapshot: Snapshot
    options: RunOptions
    priority: int | None = None

    def __post_init__(self) -> None:
        if self.plan.commit != self.snapshot.identifier:
            force_setattr(self, "plan", replace(self.plan, commit=self.snapshot.identifier))


def run(
    start: ExecutionStart, *, observer: Observer | None = None, interruption: Interruption | None = None
) -> Execution:
    """Run one execution from record to end, in this thread; gives it in its final state, whatever that is.

    Raises what kept it from starting (InputNotFound, ImageNotFound, EngineNotFound, DiskFull...), after it was closed
    as `error`; Interrupted, after it was closed as `stopped` before its container started; KeyboardInterrupt, where
    nobody handles signals, after it was closed as `stopped`.
    With `options.reuse` it may give an earlier execution instead, or raise NotReused; nothing is recorded then.
    """
    home, observer, interruption = start.project.home, observer or Observer(), interruption or Interruption()
    with ctrl_c_asks(interruption):
        look = None
        if start.options.reuse:
            from localhai.executions.reuse import lookup

            look = lookup.look(_reuse_of(start), observer, interruption)
            if look.execution is not None:
                return look.take(observer)
            look.require(start.options)
        known_as = home.records.executions.coming_id()
        with at_work(known_as):
            with recording(start, observer, interruption, known_as) as context:
                context.record = home.records.executions.transition(known_as, "queued", by="localhai")
            if look is not None:
                look.tell(context)
            trouble = live(context)
        execution = Execution(home, context.record)
        context.observer.finished(execution.to_dict())
    if trouble is not None:
        raise trouble
    return execution


def _reuse_of(start: ExecutionStart) -> ReuseRequest:
    project, masker = start.project, masker_of(start.plan, start)
    return ReuseRequest(
        project.home, project.record, start.plan, start.snapshot, project.settings, start.options, masker
    )


@contextmanager
def recording(
    start: ExecutionStart, observer: Observer, interruption: Interruption, known_as: str
) -> Iterator[RunContext]:
    """An execution, recorded under this id: `created`, with its folder and plan.json. The block makes it `queued`.

    From here nothing is lost: what keeps it from being queued closes it as `error`, and is raised.
    """
    home, project, options, plan = start.project.home, start.project.record, start.options, start.plan
    resolutions: tuple[Resolution, ...] = ()
    if options.calls is not None:  # as on the platform, then
        plan = replace(plan, parity=tuple(note for note in plan.parity if note.key != "inputs.download"))
    if plan.inputs:  # data are named by their ids: what addresses mean to whoever asks for the execution
        from localhai.executions.datums import Addresses

        readable = access_of(home, options.requester).projects
        addresses = Addresses(home.records, project.id, options.resolved, readable=readable)
        plan, resolutions = addresses.freeze(plan, start.project.settings.inputs)
    masker = masker_of(plan, start)
    executions = home.records.executions
    record = executions.create(
        project.id,
        step=plan.step,
        image=plan.image,
        commit=plan.commit,
        document={
            **_document(plan, start, masker),
            **_origin(start),
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
            context = context_of(start, record, plan, observer, interruption)
            failing.callback(context.capture.leave)
            observer.started(record.to_dict())
            _say_first(context, resolutions)
            yield context
            failing.pop_all()
    except (LocalhaiError, OSError) as error:
        raise _closed_as_error(home, record.id, folder, in_words(error, folder), masker) from error


def context_of(
    start: ExecutionStart,
    record: ExecutionRecord,
    plan: ExecutionPlan,
    observer: Observer,
    interruption: Interruption,
    *,
    waited: bool = False,
) -> RunContext:
    """An execution that is recorded, on its way. The log of one that `waited` for its turn has begun."""
    folder, masker = start.project.home.folder / str(record.folder), masker_of(plan, start)
    secrets.keep(folder, masker)  # of one that waited they may have changed
    stop_condition = plan.limits.stop_condition
    return RunContext(
        home=start.project.home,
        settings=start.project.settings,
        project=start.project.record,
        record=record,
        plan=plan,
        folder=folder,
        capture=Capture(folder, observer=observer, masker=masker, stop_condition=stop_condition, adopt=waited),
        snapshot=start.snapshot,
        options=start.options,
        observer=observer,
        interruption=interruption,
        masker=masker,
    )


def _closed_as_error(home: Home, record_id: str, folder: Path, trouble: LocalhaiError, masker: Masker) -> LocalhaiError:
    """The trouble, after the execution that it kept from being queued was closed by it."""
    (folder / finalize.RESERVE).unlink(missing_ok=True)
    secrets.forget(folder)
    home.records.executions.transition(record_id, "error", by="localhai", error=masker.mask_text(trouble.message))
    return trouble


def _origin(start: ExecutionStart) -> dict[str, Any]:
    """Where it is made, and for whom."""
    home, creator = start.project.home, start.options.creator
    return {
        **({} if creator is None else {"creator_id": creator.id}),
        **({} if start.priority is None else {"priority": start.priority}),
        "project_folder": start.project.record.path,
        "home": {"id": home.id, "host": socket.gethostname(), "folder": str(home.folder)},
        **recorded(start.options.requester),
    }


def masker_of(plan: ExecutionPlan, start: ExecutionStart) -> Masker:
    """What hides the secrets of an execution: values of its file, passwords and signatures in addresses of inputs."""
    mapped = start.project.settings.inputs
    addresses = [*(uri for item in plan.inputs for uri in item.uris), *mapped, *mapped.values()]
    return Masker([*start.options.secrets.values(), *secrets_in(addresses)])


def in_words(error: LocalhaiError | OSError, folder: Path) -> LocalhaiError:
    """What the disk refused, as one of our errors; ours as they are."""
    if isinstance(error, LocalhaiError):
        return error
    kind = DiskFull if is_full(error) else SurroundingsError
    what = error.filename if isinstance(error.filename, str) else str(folder)
    return kind(f"{what} cannot be written: {error.strerror or error}", where=str(folder))


def _say_first(context: RunContext, resolutions: Sequence[Resolution]) -> None:
    """What is known before anything runs."""
    for line in context.snapshot.warnings if context.snapshot is not None else ():
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
        (folder / PLAN).write_text(strict_json.dumps(masker.mask_value(plan.to_dict()), indent=2))
        finalize.reserve(folder)
    except OSError as error:
        raise in_words(error, folder) from error
    point_latest(folder)


def _document(plan: ExecutionPlan, start: ExecutionStart, masker: Masker) -> dict[str, Any]:
    """Everything that the execution uses and that is known now; no secret among it."""
    snapshot, options = start.snapshot, start.options
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
        "user": creator_name(start.project.settings, options.creator),
        "masks": bool(masker),
    }
    masked: dict[str, Any] = masker.mask_value(values)
    return masked


def live(context: RunContext) -> LocalhaiError | None:
    """From `queued` to a final state. Gives what kept the execution from starting, or ContactLost: it is open then."""
    home, ran, trouble = context.home, False, None
    try:
        try:
            if context.record.status != "started":  # it is when a server died before the container ran
                context.record = home.records.executions.transition(context.record.id, "started", by="localhai")
                context.seconds = stopwatch()
            container = prepare(context)
            remember(context)
            output = home.engine.attach(container)
            if context.options.member is not None:
                context.options.member.ready(context)
            ran = True
            home.engine.start(container)
        except (LocalhaiError, OSError) as error:
            trouble = in_words(error, context.folder)
            ended = _not_started(error, trouble, ran=ran)
        finally:
            context.let_go()
        if trouble is None:
            ended = supervise(context, output, time.monotonic())
    except ContactLost as error:  # it may run on: left as it is, it is adopted or closed by whoever looks next
        with suppress(LocalhaiError, OSError):
            context.capture.status(f"{error.message}; it is left as it is, and looked after once the engine answers")
        context.capture.leave()
        return error
    except BaseException as error:  # a fault of ours: the container goes and the execution is closed all the same
        with suppress(LocalhaiError):
            home.engine.kill(context.container or "")
        with suppress(Exception):  # what it was is said, whatever closing it comes upon
            context.record = finalize.close(
                context, ContainerExit(None, None, f"localhai failed: {type(error).__name__}: {error}")
            )
        raise
    context.record = finalize.close(context, ended)
    return trouble


def _not_started(error: Exception, trouble: LocalhaiError, *, ran: bool) -> ContainerExit:
    """How an execution ends whose container could not be made or started."""
    if isinstance(error, Interrupted):
        return ContainerExit(None, "interrupted", trouble.message, ran=ran)
    if isinstance(error, EngineLost):
        return ContainerExit(None, None, trouble.message, ran=ran)
    return ContainerExit(None, "failed-here", trouble.message, ran=ran and not isinstance(error, LocalhaiError))
