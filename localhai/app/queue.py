"""The queue: executions that clients asked for wait in the records, and run in threads of a server.

They stay queued when the server ends; the next one goes on with them. Nobody owns an execution that waits; who becomes
its owner (one of several wins) runs it, or closes it.
"""

from __future__ import annotations

import threading
import time
from collections import Counter, deque
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Protocol

from localhai.app.continuing import Continuing
from localhai.errors import Interrupted, LocalhaiError
from localhai.executions.log.log import LogWriter
from localhai.executions.run import finalize, secrets
from localhai.executions.run.heartbeat import at_work
from localhai.executions.run.observer import Observer
from localhai.executions.run.owner import is_of_home
from localhai.executions.run.runner import context_of, live
from localhai.executions.run.secrets import Masker
from localhai.executions.run.slots import Slots
from localhai.executions.run.stop import Interruption
from localhai.project.plan import ExecutionPlan
from localhai.system import strict_json
from localhai.vocabulary import INCOMPLETE

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from localhai.executions.home import Home
    from localhai.executions.run.runner import ExecutionStart
    from localhai.records import ExecutionRecord
    from localhai.records.queue import QueueEntry

_NOTHING = "localhai.none"  # a label that nothing has: asking for it is the cheapest question to an engine
STOPPED = "a stop was requested"
SOON = 0.2  # seconds, while others have all the slots
LOOK = 5.0  # seconds between looks when nobody wakes it: another server may have left something


def choose(entries: Sequence[QueueEntry], running: Mapping[str, int], served: Mapping[str, int]) -> QueueEntry | None:
    """Whose turn it is: the highest priority; then the project with fewest running, then served longest ago, then age.

    `running` counts by project; `served` numbers the project's last turn.
    """
    return min(
        entries,
        key=lambda item: (
            -item.priority,
            running.get(item.project_id, 0),
            served.get(item.project_id, 0),
            item.id,  # they sort by age, whatever the clock said
        ),
        default=None,
    )


class Lines:
    """What waits, a line for each project: who is first in it is known without a look at all the others."""

    def __init__(self, entries: Sequence[QueueEntry]) -> None:
        self._lines: dict[str, deque[QueueEntry]] = {}
        for entry in sorted(entries, key=lambda item: (-item.priority, item.created, item.id)):
            self._lines.setdefault(entry.project_id, deque()).append(entry)

    def __len__(self) -> int:
        return sum(map(len, self._lines.values()))

    def heads(self) -> list[QueueEntry]:
        """The first of each project."""
        return [line[0] for line in self._lines.values() if line]

    def leave(self, entry: QueueEntry) -> None:
        """It was the first of its project, and its turn has come."""
        line = self._lines.get(entry.project_id)
        if line and line[0] is entry:
            line.popleft()


def take(home: Home, execution_id: str) -> bool:
    """Become the owner of an execution that waits. False: somebody else was quicker, or it has ended."""
    return home.records.executions.adopt(execution_id, None, home.own(at_once=True))


def give_back(home: Home, record: ExecutionRecord) -> bool:
    """Let an execution wait again whose command a server, dying, had not begun. False: it never waited for one."""
    if record.status not in {"queued", "started"} or home.records.queue.entry(record.id) is None:
        return False
    return home.records.executions.adopt(record.id, record.owner, None)


def take_to_stop(home: Home, execution_id: str) -> bool:
    """End one that waits before its turn comes. False: it does not wait any more."""
    with at_work(execution_id):
        if not take(home, execution_id):
            return False
        home.records.queue.dequeue(execution_id)
        close(home, home.records.executions.get(execution_id), "stopped", STOPPED)
        return True


def close(home: Home, record: ExecutionRecord, status: str, error: str) -> ExecutionRecord:
    """End what was taken without running it: `stopped`, or `error` when it cannot be run any more.

    One that ran, and could not be recorded as ended, ends as it did.
    """
    folder = home.folder / record.folder
    end = finalize.read_end(folder)
    if end is not None:
        return finalize.record_end(home, record, end)
    (folder / finalize.RESERVE).unlink(missing_ok=True)
    error = (secrets.kept(folder) or Masker(())).mask_text(error)
    secrets.forget(folder)
    with suppress(LocalhaiError, OSError):  # its folder may be gone
        log = LogWriter(folder)
        log.write("status", f"Execution #{record.counter} is {status}: {error}\n".encode(), time.time())
        log.close()
    if status == "stopped":
        home.records.executions.transition(record.id, "stopping", by="localhai")
    return home.records.executions.transition(record.id, status, by="localhai", error=error)


class Dispatcher(Protocol):
    """A thread that does one round of the queue after another, and survives what a round raises."""

    def start(self) -> None:
        """Begin with the first round."""

    def end(self) -> None:
        """No more rounds."""

    def join(self) -> None:
        """Wait for the round that is under way."""


class QueueHost(Protocol):
    """What the queue asks of the server that it runs in."""

    @property
    def home(self) -> Home:
        """The server's."""

    def say(self, text: str) -> None:
        """Tell whoever watches the server."""

    def keep_fault(self, what: str, error: Exception) -> None:
        """A fault of localhai's own: kept, and said in a line."""

    def dispatcher(self, work: Callable[[], None]) -> Dispatcher:
        """A thread that does `work` again and again."""

    def begin(self) -> None:
        """Look once after what an earlier server left, before the first execution starts."""

    def go_on(self, entry: QueueEntry, interruption: Interruption) -> None:
        """With a pipeline or a task of a server that died, to its end, in this thread."""

    def prepare(self, record: ExecutionRecord, plan: ExecutionPlan, user_id: str) -> ExecutionStart:
        """What the turn of a waiting execution takes, by settings and code of now. Raises LocalhaiError."""


class Queue:
    """Runs at most `jobs` executions at once, those of pipelines and tasks among them.

    `start` begins, `close` ends; both once.
    """

    def __init__(self, host: QueueHost, jobs: int) -> None:
        self.slots = Slots(jobs)  # shared with pipelines and tasks
        self._host = host
        self.home = host.home
        self.say = host.say  # to whoever watches the server
        self._records = host.home.records.queue
        self._jobs = jobs
        self._changed = threading.Condition()
        self._running: dict[str, tuple[QueueEntry, Interruption, threading.Thread]] = {}
        self._others: list[tuple[threading.Thread, Interruption]] = []
        self._served: dict[str, int] = {}
        self._turns = 0
        self._lines = Lines(())  # read again when something new waits, and now and then
        self._listed_until = 0.0
        self._closing = False
        self._woken = False
        self._without_engine = False
        self._elsewhere = 0
        self._has_begun = False
        self._due = 0.0
        self._continuing = Continuing(host.home, host.say, self.beside, host.go_on)
        self.dispatcher = host.dispatcher(self._round)

    def start(self) -> None:
        """Begin with what waits."""
        self.dispatcher.start()

    def wake(self) -> None:
        """Something new waits."""
        with self._changed:
            self._woken = True
            self._listed_until = 0.0
            self._changed.notify_all()

    @property
    def closing(self) -> bool:
        """Whether the server is about to end."""
        return self._closing

    def running(self) -> int:
        """How many run now."""
        with self._changed:
            return len(self._running) + sum(thread.is_alive() for thread, _interruption in self._others)

    def beside(self, thread: threading.Thread, interruption: Interruption) -> None:
        """Start a thread that is no execution, and stop it when the server ends: a pipeline, a task."""
        with self._changed:
            self._others = [(other, asked) for other, asked in self._others if other.is_alive()]
            thread.start()
            self._others.append((thread, interruption))
            if self._closing:
                interruption.ask()

    def ask_to_stop(self) -> None:
        """Start nothing more, and stop what runs; asked again, by force."""
        with self._changed:
            self._closing = True
            self.dispatcher.end()
            for _other, interruption in self._others:
                interruption.ask()
            for _entry, interruption, _thread in self._running.values():
                interruption.ask()
            self._changed.notify_all()

    def close(self) -> None:
        """Wait until nothing runs any more. Call `ask_to_stop` first."""
        self.dispatcher.join()
        with self._changed:
            threads = [thread for _entry, _interruption, thread in self._running.values()]
            threads += [thread for thread, _interruption in self._others]
        for thread in threads:
            thread.join()

    def _round(self) -> None:
        """Start the next one, or wait until there may be one."""
        if not self._has_begun:
            self._host.begin()
            self._has_begun = True
        if time.monotonic() >= self._due:
            self._due = time.monotonic() + LOOK
            self._records.tidy()
            self._continuing.look()
        with self._changed:
            self._woken = False
        if not self._start_next():
            with self._changed:
                if not self._woken and not self._closing:
                    self._changed.wait(LOOK if self.slots.is_free else SOON)

    def waiting(self) -> list[QueueEntry]:
        """What waits for this server, oldest first; that other homes hold the files of something is said."""
        everything = self._records.waiting()
        own = [entry for entry in everything if is_of_home(self.home, entry.folder)]
        elsewhere = len(everything) - len(own)
        if elsewhere and not self._elsewhere:
            number = "an execution waits" if elsewhere == 1 else f"{elsewhere} executions wait"
            self.say(f"{number} for the server of another home, which has the files")
        self._elsewhere = elsewhere
        return own

    def _engine_answers(self, number: int) -> bool:
        """Said when it changes."""
        try:
            self.home.engine.networks({_NOTHING: None})
        except LocalhaiError as error:
            if not self._without_engine:
                self.say(f"{number} executions wait for the engine: {error}")
            self._without_engine = True
            return False
        if self._without_engine:
            self.say("the engine answers again")
        self._without_engine = False
        return True

    def _start_next(self) -> bool:
        """Whether one was started. Nothing is while all slots are taken or no engine answers."""
        with self._changed:
            if len(self._running) >= self._jobs or not self.slots.is_free:
                return False
            is_old = not len(self._lines) or time.monotonic() >= self._listed_until
            if is_old:
                self._listed_until = time.monotonic() + LOOK  # unless something new comes while the records are read
        if is_old:
            found = self.waiting()  # not under the lock: records that are away must not keep clients waiting
            with self._changed:
                self._lines = Lines([entry for entry in found if entry.id not in self._running])
        if not len(self._lines) or not self._engine_answers(len(self._lines)):
            return False
        with self._changed:
            counts = Counter(running.project_id for running, _interruption, _thread in self._running.values())
            heads = [entry for entry in self._lines.heads() if entry.id not in self._running]
            entry = choose(heads, counts, self._served)
            if entry is None or self._closing:
                return False
            self._lines.leave(entry)
            self._turns += 1
            self._served[entry.project_id] = self._turns
            interruption = Interruption()
            thread = threading.Thread(
                target=self._run, args=(entry.id, interruption), name=f"execution-{entry.id}", daemon=True
            )
            thread.start()  # it waits for the lock at its end
            self._running[entry.id] = (entry, interruption, thread)
            return True

    def _run(self, execution_id: str, interruption: Interruption) -> None:
        """In a thread of its own: one whose turn has come."""
        with self._turn_of(execution_id, interruption):
            entry = self._records.entry(execution_id)
            if entry is None or not take(self.home, execution_id):
                return  # stopped meanwhile, or another server was quicker
            record = self.home.records.executions.get(execution_id)
            try:
                if record.stop_requested is not None:
                    close(self.home, record, "stopped", STOPPED)
                    return
                plan = strict_json.convert(entry.request["plan"], ExecutionPlan)
                start = self._host.prepare(record, plan, entry.user_id)
                live(context_of(start, record, start.plan, Observer(), interruption, waited=True))
            except LocalhaiError as error:  # the code or the settings are gone
                self._close(record, f"it cannot be run any more: {error}")
            except Exception as error:
                self._close(record, f"localhai failed: {type(error).__name__}: {error}")
                raise
            finally:
                self._records.dequeue(execution_id)

    @contextmanager
    def _turn_of(self, execution_id: str, interruption: Interruption) -> Iterator[None]:
        """While it lasts, it has a slot; whatever becomes of it, the queue goes on."""
        try:
            with self.slots.taken(given_up=interruption.is_asked), at_work(execution_id):
                yield
        except Interrupted:  # the server ends; it stays queued
            pass
        except LocalhaiError as error:  # its record says how it ended, or recovery is going to close it
            self.say(f"execution {execution_id}: {error}")
        except Exception as error:  # noqa: BLE001  # one execution may not end the queue
            self._host.keep_fault(f"execution {execution_id}", error)
        finally:
            with self._changed:
                del self._running[execution_id]
                self._woken = True
                self._changed.notify_all()

    def _close(self, record: ExecutionRecord, reason: str) -> None:
        """What was taken and cannot be run ends: nobody else is going to look at it."""
        if self.home.records.executions.get(record.id).status in INCOMPLETE:
            close(self.home, record, "error", reason)
