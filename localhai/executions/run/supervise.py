"""While a container runs: take in what it writes, watch its limits and wishes to stop it, upload live outputs."""

from __future__ import annotations

import threading
import time
from contextlib import suppress
from functools import partial
from typing import TYPE_CHECKING, Generic, TypeVar

from localhai.errors import EngineLost, LocalhaiError, SurroundingsError
from localhai.executions.run.stop import Beside, Pace, Stopping
from localhai.executions.run.verdict import STOPPED_BY_WISH, ContainerExit, Watch
from localhai.vocabulary import SIGNALLED

if TYPE_CHECKING:
    from collections.abc import Callable

    from localhai.containers.engine import ContainerState, OutputStream
    from localhai.executions.run.context import RunContext
    from localhai.executions.run.verdict import Cause

LOOK = 0.25  # seconds between looks at wishes and limits
RETURN_OF_ENGINE = 30.0  # seconds in which a restarted engine is waited for
HEALTHY = 10.0  # seconds without a loss after which the next one is the first again
MOST_PAUSE = 5.0  # seconds between losses of an engine that answers, but does not let us listen
FORCED = 10.0  # seconds that an engine has for an answer once somebody forces
DRAIN = 15.0  # seconds in which the last output of an ended container must come
T = TypeVar("T")


class ContactLost(EngineLost):
    """The engine does not answer any more, and what ran on it may run on: whoever reaches it looks after that."""


def supervise(context: RunContext, output: OutputStream, started: float) -> ContainerExit:
    """Watch a running container to its end. `started` is its start on the monotonic clock.

    Raises ContactLost when the engine stays away, and nothing else for what a step or an engine can do.
    """
    return _Supervision(context, output, started).watch()


class _Waiter(threading.Thread):
    """Waits for the container's end, so that the main thread stays free to look around."""

    def __init__(self, context: RunContext) -> None:
        super().__init__(name=f"wait-{context.record.counter}", daemon=True)
        self._run = context
        self.exit_code: int | None = None
        self.trouble: LocalhaiError | None = None
        self.ended = False

    def run(self) -> None:
        container = self._run.container or ""
        try:
            self.exit_code = self._run.home.engine.wait(container)
        except LocalhaiError as error:
            self.trouble = error
        finally:
            self.ended = True
            self._run.capture.changed.set()


class _Asked(threading.Thread, Generic[T]):
    """A question to the engine, which may be slow to answer."""

    def __init__(self, question: Callable[[], T]) -> None:
        super().__init__(name="localhai-engine-question", daemon=True)
        self._question = question
        self._answer: list[T] = []
        self._trouble: Exception | None = None
        self.start()

    def run(self) -> None:
        try:
            self._answer.append(self._question())
        except Exception as error:  # noqa: BLE001  # whoever asked decides what it means
            self._trouble = error

    def answer(self) -> T:
        if self._trouble is not None:
            raise self._trouble
        return self._answer[0]


class _Supervision:
    def __init__(self, context: RunContext, output: OutputStream, started: float) -> None:
        self._context = context
        self._output = output
        self._engine = context.home.engine
        limits = context.plan.limits
        self._watch = Watch(started, limits.time_limit, limits.no_output_timeout)
        self._cause: Cause | None = None
        self._reason: str | None = None
        self._forced_at: float | None = None
        self._upload_pace = Pace()
        self._stopping = Stopping(self._engine, context.container or "", self._tell)
        self._uploading: _Asked[None] | None = None
        self._is_running = True
        records, wanted = context.home.records, context.record.id
        self._wish = Beside(lambda: records.executions.stop_requested(wanted), told=context.capture.changed.set)

    def watch(self) -> ContainerExit:
        try:
            return self._watch_over_losses()
        except ContactLost:
            self._leave_wish()
            raise
        finally:
            self._stopping.over()
            self._end_upload()

    def _watch_over_losses(self) -> ContainerExit:
        """An engine may be lost as often as it likes, as long as it comes back."""
        pause, look = 0.0, self._watch_to_its_end
        while True:
            begun = time.monotonic()
            try:
                ended = look()
            except ContactLost:
                raise
            except LocalhaiError as error:
                pause = 0.0 if time.monotonic() - begun > HEALTHY else min(MOST_PAUSE, pause + LOOK)
                self._look_for(pause)
                look = partial(self._after, error)
                continue
            if ended is not None:
                return ended
            look = self._watch_to_its_end  # it still runs

    def _watch_to_its_end(self) -> ContainerExit | None:
        """Raises what kept the engine from telling."""
        pump = self._listen(self._output)
        waiter = self._wait()
        while not waiter.ended:
            self._rest()
            self._look_around()
        if waiter.trouble is not None:
            self._drain(pump, self._output, within=LOOK)  # it is heard again from its start
            raise waiter.trouble
        self._is_running = False
        self._drain(pump, self._output)
        state = self._state()
        if state is None or is_removed(state):
            return self._removed()
        if isinstance(self._context.capture.trouble, EngineLost):
            self._hear_again(state)
            self._drain(self._listen(self._output), self._output)
        return ContainerExit(waiter.exit_code, self._cause, self._reason, state.oom_killed)

    def _listen(self, output: OutputStream) -> threading.Thread:
        name = f"output-{self._context.record.counter}"
        pump = threading.Thread(target=self._context.capture.pump, args=(output,), name=name, daemon=True)
        pump.start()
        return pump

    def _wait(self) -> _Waiter:
        waiter = _Waiter(self._context)
        waiter.start()
        return waiter

    def _rest(self) -> None:
        capture = self._context.capture
        capture.changed.wait(self._watch.next_look(time.monotonic(), capture.last_output, LOOK))
        capture.changed.clear()

    def _look_around(self) -> None:
        if self._context.interruption.forced and self._forced_at is None:
            self._forced_at = time.monotonic()
            self._stopping.force()
        self._stopping.look()
        if self._upload_pace.is_due():
            self._upload_beside()
        if self._cause is None and self._is_running:
            self._find_cause()

    def _look_for(self, seconds: float) -> None:
        until = time.monotonic() + seconds
        while (left := until - time.monotonic()) > 0:
            time.sleep(min(LOOK, left))
            self._look_around()

    def _ask(self, question: Callable[[], T]) -> T:
        """The engine's answer; wishes and limits are heard meanwhile. Raises what the engine raises."""
        asked = _Asked(question)
        while asked.is_alive():
            asked.join(LOOK)
            self._look_around()
            if asked.is_alive() and self._forced_at is not None and time.monotonic() > self._forced_at + FORCED:
                raise EngineLost(f"the engine did not answer within {FORCED:g} s")
        return asked.answer()

    def _find_cause(self) -> None:
        context = self._context
        if context.interruption.asked:
            self._stop("interrupted", "it was interrupted")
        elif self._wish.look():
            self._stop("requested", "a stop was requested")
        elif context.capture.trouble is not None and not isinstance(context.capture.trouble, EngineLost):
            self._stop("failed-here", f"its output could not be kept: {context.capture.trouble}")
        elif context.capture.condition_met.is_set():
            self._stop("stop-condition", f"the stop-condition `{context.plan.limits.stop_condition}` is true")
        else:
            exceeded = self._watch.exceeded(time.monotonic(), context.capture.last_output)
            if exceeded is not None:
                self._stop(*exceeded)

    def _stop(self, cause: Cause, reason: str) -> None:
        self._cause, self._reason = cause, reason
        grace = self._context.settings.stop_grace
        self._tell(f"Stopping: {reason}; the container has {grace:g} s to end by itself.")
        self._stopping.begin(grace)
        if cause in STOPPED_BY_WISH:
            threading.Thread(target=self._record_stopping, daemon=True).start()

    def _record_stopping(self) -> None:
        """Beside the watching: records that are away must not keep a second Ctrl-C from being heard."""
        with suppress(LocalhaiError):  # the end of the execution records it too
            self._context.home.records.executions.transition(self._context.record.id, "stopping", by="localhai")

    def _tell(self, text: str) -> None:
        try:
            self._context.capture.status(text)
        except LocalhaiError:  # a full disk must not keep a container running
            self._context.observer.status(text)

    def _leave_wish(self) -> None:
        """Whoever reaches the engine again hears that it shall stop."""
        if self._cause in STOPPED_BY_WISH:
            with suppress(LocalhaiError):
                self._context.home.records.executions.request_stop(self._context.record.id)

    def _upload_beside(self) -> None:
        """Looking for live outputs takes as long as it takes, and delays nothing."""
        if self._is_running and (self._uploading is None or not self._uploading.is_alive()):
            self._uploading = _Asked(self._upload_live)

    def _end_upload(self) -> None:
        """Before outputs are collected: nobody else may move them then."""
        while self._uploading is not None and self._uploading.is_alive():
            self._uploading.join(LOOK)
            if self._context.interruption.forced:
                return

    def _upload_live(self) -> None:
        context = self._context
        if context.tree is None:
            return
        try:
            paths = context.tree.read_only_outputs(context.container or "")
        except (SurroundingsError, OSError):
            return  # a lost engine is heard by the waiter too; what is not taken now is collected at the end
        for path in paths:
            context.live_outputs.append(path)
            self._tell(f"Uploaded while running: {path.name}")

    def _drain(self, pump: threading.Thread, output: OutputStream, within: float = DRAIN) -> None:
        """The rest of its output, as long as nobody forces."""
        until = time.monotonic() + within
        while pump.is_alive() and time.monotonic() < until and self._forced_at is None:
            pump.join(LOOK)
            self._look_around()
        if pump.is_alive():
            output.close()
            pump.join(DRAIN)

    def _state(self) -> ContainerState | None:
        return self._ask(lambda: self._engine.state(self._context.container or ""))

    def _hear_again(self, state: ContainerState) -> None:
        """All output from the start; what the log has is passed over."""
        self._context.capture.trouble = None
        self._context.capture.skip_what_is_stored()
        self._output = self._ask(lambda: self._engine.logs(state.id))

    def _removed(self) -> ContainerExit:
        """Its files may still be in a volume, which is free once the container is wholly gone."""
        until = time.monotonic() + DRAIN
        while self._state() is not None and time.monotonic() < until:
            self._look_for(LOOK)
        self._context.container = None
        return ContainerExit(None, self._cause, self._reason or "its container was removed by somebody else")

    def _after(self, trouble: LocalhaiError) -> ContainerExit | None:
        """The engine went away under us, or does not know the container. None: it still runs, and is heard again.

        Raises what keeps the engine from telling.
        """
        if isinstance(trouble, EngineLost):
            self._tell(f"The engine does not answer ({trouble.message}); waiting up to {RETURN_OF_ENGINE:g} s for it.")
        answered, state = self._state_after_return()
        if not answered:
            number = self._context.record.counter
            raise ContactLost(
                f"the engine was lost: {trouble.message}",
                hints=[f"execution #{number} may run on: the next localhai that reaches the engine looks after it"],
            ) from trouble
        if state is None or is_removed(state):
            return self._removed()
        self._hear_again(state)
        if state.running:
            return None
        self._is_running = False
        self._drain(self._listen(self._output), self._output)
        if self._cause is None and state.exit_code is not None and state.exit_code >= SIGNALLED:
            return ContainerExit(
                None, None, f"the engine went away while it ran, and ended it (exit code {state.exit_code})"
            )
        return ContainerExit(state.exit_code, self._cause, self._reason, state.oom_killed)

    def _state_after_return(self) -> tuple[bool, ContainerState | None]:
        """Whether the engine answered in time, and what it knows of the container."""
        until = time.monotonic() + RETURN_OF_ENGINE
        while time.monotonic() < until and (self._forced_at is None or time.monotonic() < self._forced_at + LOOK):
            with suppress(LocalhaiError):
                return True, self._state()
            self._look_for(LOOK)
        return False, None


def is_removed(state: ContainerState) -> bool:
    """Whether somebody is about to take the container away."""
    return state.status in {"removing", "dead"}
