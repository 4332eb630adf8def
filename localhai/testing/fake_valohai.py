"""FakeValohai: steps that are told what to do, without Docker, and bad days on demand."""

from __future__ import annotations

import json
import threading
import time
from typing import TYPE_CHECKING, Any

from localhai.containers.fake.engine import Canned, FakeEngine
from localhai.errors import LocalhaiError, SurroundingsError, UsageError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence
    from pathlib import Path

    from localhai.airflow.platform import Watcher
    from localhai.containers.fake.container import FakeContainer
    from localhai.executions.execution import Execution
    from localhai.executions.home import Home

_CLIENT_ERROR = 500  # statuses below are mistakes of whoever asks


class SharedEngine(FakeEngine):
    """One engine for all homes that a test opens; closing a home leaves it."""

    def close(self) -> None:
        """Nothing: see `end`."""

    def end(self) -> None:
        """Close it for good."""
        super().close()


class FakeValohai:
    """Projects run as they are, with records, inputs and outputs; only containers are Python.

    A step of which nothing was said does nothing and is complete. `executions` are those of the test, oldest first.
    """

    def __init__(self, home: Home, engine: SharedEngine) -> None:
        self.home = home
        self.engine = engine
        self._steps: dict[str, Callable[[FakeContainer], int | None]] = {}
        self._faults: dict[str, list[str | float]] = {}
        self._api_errors: list[int] = []
        engine.behave(self._play)

    def step(
        self,
        name: str,
        function: Callable[[FakeContainer], int | None] | None = None,
        *,
        metadata: Mapping[str, Any] | Sequence[Mapping[str, Any]] = (),
        outputs: Mapping[str, str | bytes] | None = None,
        log: str = "",
        exit_code: int = 0,
        duration: float = 0.0,
    ) -> None:
        """What a step does: a function of its container, or lines, metadata, files and an exit code.

        `duration` is in seconds. The last word about a step counts.
        """
        if function is not None:
            self._steps[name] = function
            return
        lines = [metadata] if hasattr(metadata, "keys") else metadata
        output = "".join(f"{line}\n" for line in log.splitlines()) + "".join(json.dumps(line) + "\n" for line in lines)
        canned = Canned(output=output, files=outputs or {}, exit_code=exit_code)

        def play(container: FakeContainer) -> int:
            container.sleep(duration)
            return canned.play(container)

        self._steps[name] = play

    # bad days

    def fail(self, step: str, *, status: str = "error", times: int = 1) -> None:
        """The next `times` executions of a step end as `error` or `crashed`. Raises UsageError for other words."""
        if status not in {"error", "crashed"}:
            raise UsageError(f"a step cannot be told to end as {status!r}: error or crashed")
        self._faults.setdefault(step, []).extend([status] * times)

    def delay(self, step: str, seconds: float, *, times: int = 1) -> None:
        """The next `times` executions of a step take so much longer."""
        self._faults.setdefault(step, []).extend([seconds] * times)

    def api_error(self, status: int, *, times: int = 1) -> None:
        """The next `times` requests that start something are answered with this HTTP status.

        As with the platform: 429 and 503 are asked again up to six times, all others fail the task.
        """
        self._api_errors.extend([status] * times)

    def lose_engine(self) -> None:
        """From now on the engine does not answer, until `come_back`."""
        self.engine.lose()

    def come_back(self) -> None:
        """The engine answers again; what ran has been killed."""
        self.engine.come_back()

    # what came of it

    @property
    def executions(self) -> list[Execution]:
        """Oldest first."""
        return list(self.home.executions(limit=10_000))[::-1]

    def execution(self, step: str) -> Execution:
        """The newest execution of a step. Raises AssertionError, naming the steps that ran."""
        found = [item for item in self.executions if item.step == step]
        assert found, f"no execution of {step}; there are: {', '.join(self.order) or 'none'}"
        return found[-1]

    @property
    def order(self) -> list[str]:
        """The steps in the order in which they started."""
        return [item.step for item in self.executions]

    def assert_order(self, *steps: str) -> None:
        """These steps ran, in this order; others may have run between them. Raises AssertionError."""
        left = iter(self.order)
        assert all(step in left for step in steps), f"wanted {', '.join(steps)}; ran {', '.join(self.order)}"

    def assert_metadata(self, step: str, **expected: Any) -> None:
        """The latest values of keys. Raises AssertionError."""
        found = self.execution(step).metadata
        assert {name: found.get(name) for name in expected} == expected, f"{step} has the metadata {found}"

    def assert_outputs(self, step: str, names: Iterable[str]) -> None:
        """The names of all outputs, in any order. Raises AssertionError."""
        found = sorted(item["name"] for item in self.execution(step).outputs)
        assert found == sorted(names), f"{step} has the outputs {found}"

    # behind the scenes

    def _play(self, container: FakeContainer) -> int | None:
        step = container.step or ""
        faults = self._faults.get(step)
        fault = faults.pop(0) if faults else None
        if isinstance(fault, str):
            container.err(f"{step} was told to end as {fault}\n")
            if fault == "crashed":
                container.lose(f"{step} was told to crash")
            return 1
        if fault is not None:
            container.sleep(fault)
        return self._steps.get(step, Canned().play)(container)

    def answer_request(self, watcher: Watcher) -> None:
        """What the platform says to a request that starts something. Raises UsageError, SurroundingsError."""
        from localhai.airflow.rest import NOT_DONE, RETRY

        for attempt in range(1, RETRY.attempts + 1):
            if not self._api_errors:
                return
            status = self._api_errors.pop(0)
            said = f"POST executions/ at the fake platform: {status}"
            if status not in NOT_DONE or attempt == RETRY.attempts:
                raise (UsageError if status < _CLIENT_ERROR and status not in NOT_DONE else SurroundingsError)(said)
            watcher.line(f"localhai: {said}; asked again")

    def start_beside(self, folder: Path, request: Any) -> str:
        """In the place of a process of its own, which would not know this engine: a thread."""
        from localhai.airflow.platform import Watcher
        from localhai.airflow.running import run
        from localhai.app.open_project import OpenProject
        from localhai.executions.run.stop import Interruption

        begun = threading.Event()
        said: list[Any] = []

        class Once(Watcher):
            def started(self, key: str, url: str | None) -> None:  # noqa: ARG002  # as it is called
                said.append(key)
                begun.set()

        def work() -> None:
            try:
                with OpenProject.at(folder) as project:
                    run(project, request, Once(), Interruption())
            except LocalhaiError as error:
                said.append(error)
            finally:
                begun.set()

        threading.Thread(target=work, name="fake-valohai", daemon=True).start()
        begun.wait()
        if isinstance(said[0], LocalhaiError):
            raise said[0]
        return str(said[0])

    def wait(self, seconds: float = 10.0) -> None:
        """Until nothing runs any more."""
        until = time.monotonic() + seconds
        while self.home.records.executions.list_open() and time.monotonic() < until:
            time.sleep(0.02)
