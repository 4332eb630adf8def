"""The tries of one task instance: what each starts carries tags, by which the next one knows what is its own. Pure.

A retry of the same chain of tries takes what an earlier one left; a task that was cleared begins a chain of its own,
which Airflow shows by moving the number of its last try. And nothing is taken that differs in code, parameters, inputs
or image.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING, Any

from msgspec import Struct

from localhai.system import strict_json

if TYPE_CHECKING:
    from localhai.airflow.platform import ExecutionRequest, PipelineRequest, Watcher

ORIGIN = "airflow:"
MARK = f"{ORIGIN}until-try-"
_ORIGIN = re.compile(rf"{ORIGIN}([^/]+)/(.+)/([^/\[\]]+)(?:\[(\d+)\])?")
_DIGITS = 16  # of a digest
_NO_WORK = frozenset({"title", "tags", "parity", "commit", "project"})  # of a plan: `code` says the commit


class TaskName(Struct, frozen=True):
    """What Airflow calls a task instance; `map_index` is -1 for what is not mapped."""

    dag_id: str
    run_id: str
    task_id: str
    map_index: int = -1

    def __str__(self) -> str:
        return f"{self.dag_id}/{self.run_id}/{self.task_id}" + (f"[{self.map_index}]" if self.map_index >= 0 else "")


def try_of(context: Any) -> dict[str, Any]:
    """What a request says of the try that asks: `origin`, `again`, `last_try`.

    `origin` is `airflow:DAG/RUN/TASK`, with `[INDEX]` for one of a mapped task: the same for all tries.
    """
    instance = context.get("ti") if hasattr(context, "get") else None
    names = [getattr(instance, name, None) for name in ("dag_id", "run_id", "task_id")]
    number, last = getattr(instance, "try_number", None), getattr(instance, "max_tries", None)
    origin = None
    if all(isinstance(name, str) for name in names):
        dag, run, task = map(str, names)
        index = getattr(instance, "map_index", -1)
        origin = f"{ORIGIN}{TaskName(dag, run, task, index if isinstance(index, int) else -1)}"
    return {
        "origin": origin,
        "again": isinstance(number, int) and number > 1,
        "last_try": last + 1 if isinstance(last, int) and last >= 0 else None,
    }


def task_of(tags: Iterable[str]) -> TaskName | None:
    """Which task instance the `origin` among these tags names."""
    for found in map(_ORIGIN.fullmatch, tags):
        if found is not None:
            dag, run, task, index = found.groups()
            return TaskName(dag, run, task, -1 if index is None else int(index))
    return None


def without_ours(tags: Iterable[Any] | None) -> list[Any]:
    """Tags as the DAG gave them."""
    return [tag for tag in tags or () if not str(tag).startswith(ORIGIN)]


class Claim(Struct, frozen=True):
    """What one try asks for: the last try of its chain as Airflow counts, None if it does not, and a digest."""

    last_try: int | None
    digest: str

    @property
    def tag(self) -> str:
        """`airflow:until-try-LAST-DIGEST`: what is started carries it beside the tag of its task."""
        return f"{MARK}{self.last_try or 0}-{self.digest}"

    def tags(self, request: ExecutionRequest | PipelineRequest) -> tuple[str, ...]:
        """Those of the request, and where a task asks, the one that names it and the claim's own."""
        return (*request.tags, *([request.origin, self.tag] if request.origin else []))

    def takes(
        self, name: str, tags: Iterable[str], watcher: Watcher, stop: Callable[[], object], otherwise: str | None = None
    ) -> bool:
        """Whether it takes what an earlier try left running; what it does not, is stopped. `otherwise`: why not."""
        against = self.against(tags) or otherwise
        if against is None:
            watcher.say(f"{name} of an earlier try still runs; nothing is started twice")
            return True
        watcher.say(f"{name} of an earlier try still runs and is stopped: {against}")
        stop()
        return False

    def against(self, tags: Iterable[str]) -> str | None:
        """Why what has these tags is not taken; None when it is."""
        marks = [tag for tag in tags if tag.startswith(MARK)]
        if self.tag in marks:
            return None
        if not any(mark.startswith(f"{MARK}{self.last_try or 0}-") for mark in marks):
            return "the task was cleared since"
        return "the code, parameters, inputs or image are others now"


def claim(last_try: int | None, *, code: str | None, asked: Mapping[str, Any]) -> Claim:
    """`code` is a commit; `asked` an `ExecutionPlan` or a `PipelinePlan` as a dict, or a body for the platform."""
    known = {name: value for name, value in asked.items() if name not in _NO_WORK}
    text = strict_json.dumps([code, known], sort_keys=True, default=str)
    return Claim(last_try, hashlib.sha256(text.encode()).hexdigest()[:_DIGITS])
