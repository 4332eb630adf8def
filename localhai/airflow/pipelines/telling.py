"""A pipeline of this machine, told line by line."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from localhai.airflow.working import Telling
from localhai.pipelines.running import PipelineObserver

if TYPE_CHECKING:
    from collections.abc import Mapping

    from localhai.airflow.platform import Watcher
    from localhai.errors import LocalhaiError
    from localhai.executions.run.observer import Observer
    from localhai.pipelines.state import Change


class PipelineTelling(PipelineObserver):
    """Tells a watcher what becomes of nodes, and what their executions write."""

    def __init__(self, watcher: Watcher) -> None:
        self._watcher = watcher

    def started(self, pipeline: Mapping[str, Any]) -> None:
        self._watcher.started(str(pipeline["id"]), None)

    def changed(self, change: Change) -> None:
        because = f" ({change.reason})" if change.reason else ""
        self._watcher.say(f"{change.node or 'pipeline'}: {change.status}{because}")

    def status(self, text: str) -> None:
        self._watcher.say(text)

    def trouble(self, node: str, error: LocalhaiError) -> None:
        self._watcher.say(f"{node}: {error.message}")

    def of_node(self, node: str, attempt: int, name: str | None = None) -> Observer:
        mark = name or node if attempt == 1 else f"{name or node} (attempt {attempt})"
        return Telling(self._watcher, prefix=f"{mark} | ")
