"""What the operators that start something have in common: modes, log, stopping, deferring."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from msgspec.structs import replace

from localhai.airflow.compat import (
    AirflowException,
    BaseOperator,
    airflow_words,
    default_deferrable,
    raise_unless_complete,
)
from localhai.airflow.hook import LogWatcher, ValohaiHook, folder_of_dag
from localhai.airflow.link import XCOM_KEY, ValohaiLink
from localhai.airflow.tries import try_of
from localhai.airflow.xcoms import STARTED, pull_started
from localhai.errors import LocalhaiError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import timedelta

    from localhai.airflow.platform import ExecutionRequest, Kind, PipelineRequest, Platform

TRIGGER_FAILED = "__fail__"  # what Airflow calls in place of a method: the trigger failed, or took too long


class SubmitOperator(BaseOperator):
    """Starts something and waits for its end: here, or in the triggerer when `deferrable`.

    `polling_interval` is in seconds; default 30 on the platform and 1 in dev mode.
    """

    ui_color = "#002f6c"
    ui_fgcolor = "#fff"
    operator_extra_links = (ValohaiLink(),)
    kind: Kind = "execution"
    project_name: str
    commit: str | None
    branch: str | None
    tags: Sequence[str] | None
    title: str | None = None
    tells_others = False  # whether other tasks of the DAG have to know what was started
    template_fields_renderers = {"inputs": "json", "parameters": "json"}  # noqa: RUF012  # as Airflow declares it

    def __init__(
        self,
        *,
        valohai_conn_id: str = ValohaiHook.default_conn_name,
        polling_interval: float | None = None,
        deferrable: bool | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.valohai_conn_id = valohai_conn_id
        self.polling_interval = polling_interval
        self.deferrable = default_deferrable() if deferrable is None else deferrable
        self._platform: Platform | None = None
        self._started: str | None = None
        self._introduced = False

    def get_hook(self) -> ValohaiHook:
        """The hook; it asks for the mode when it is used."""
        beside = folder_of_dag(self)
        return ValohaiHook(self.valohai_conn_id, polling_interval=self.polling_interval, beside=beside)

    def introduce(self, hook: ValohaiHook) -> None:
        """The mode and why, once, before anything that can fail."""
        if not self._introduced:
            self._introduced = True
            with airflow_words():
                hook.introduce(self.log)

    def request(self, context: Any) -> ExecutionRequest | PipelineRequest:  # noqa: ARG002  # for subclasses
        """What to start, once templates and callables are resolved."""
        raise AirflowException(f"{type(self).__name__} does not say what it starts")

    def given(self) -> dict[str, Any]:
        """What every request takes of the operator's arguments."""
        return {
            "project": self.project_name,
            "commit": self.commit or None,
            "branch": self.branch or None,
            "tags": [str(tag) for tag in self.tags or ()],
            "title": self.title or None,
        }

    def execute(self, context: Any) -> dict[str, Any]:
        """Start it and wait; gives the details for XCom."""
        hook = self.get_hook()
        self.introduce(hook)
        with airflow_words():
            request = replace(self.request(context), **try_of(context))
            self._platform = hook.platform()
        watcher = _TaskWatcher(self, context)
        if self.deferrable:
            self._defer(hook, request, watcher)
        with airflow_words():
            details = self._platform.run(request, watcher)
        return self.finish(details, self._platform, context)

    def finish(self, details: dict[str, Any], platform: Platform, context: Any) -> dict[str, Any]:  # noqa: ARG002  # for subclasses
        """The XCom of what has ended. Raises AirflowException unless it is complete."""
        with airflow_words():
            raise_unless_complete(self.kind, details, platform)
            return details if self.kind == "pipeline" else platform.hand_over(details)

    def _defer(self, hook: ValohaiHook, request: ExecutionRequest | PipelineRequest, watcher: _TaskWatcher) -> None:
        from localhai.airflow.trigger import ValohaiTrigger

        assert self._platform is not None  # noqa: S101  # set just before
        with airflow_words():
            key = self._platform.start(request, watcher)
            trigger = ValohaiTrigger(
                kind=request.kind,
                key=key,
                valohai_conn_id=self.valohai_conn_id,
                polling_interval=hook.interval(),
                mode=hook.mode().name,
            )
        timeout: timedelta | None = self.execution_timeout
        self.defer(trigger=trigger, method_name="execute_complete", timeout=timeout)

    def execute_complete(self, context: Any, event: dict[str, Any] | None = None) -> dict[str, Any]:
        """What comes after the trigger: its event names what has ended."""
        hook = self.get_hook()
        self.introduce(hook)
        event = event or {"error": "the trigger ended without saying what became of it"}
        if event.get("error"):
            self._stop_started(context)
            raise AirflowException(event["error"])
        with airflow_words():
            platform = hook.platform()
            kind, key = event["kind"], event["key"]
            for line in platform.lines(kind, key):
                self.log.info("%s", line)
            details = platform.details(kind, key)
        return self.finish(details, platform, context)

    def resume_execution(self, next_method: str, next_kwargs: dict[str, Any] | None, context: Any) -> Any:
        """Airflow's: a task that waited too long, or whose trigger failed, leaves nothing running."""
        if next_method == TRIGGER_FAILED:
            self.introduce(self.get_hook())
            self._stop_started(context)
        return super().resume_execution(next_method, next_kwargs, context)

    def _stop_started(self, context: Any) -> None:
        """What this task started before it was deferred; why it fails is said by others."""
        started = pull_started(context, self.task_id)
        if started is None:
            return
        self.log.info("localhai: stopping %s %s", started["kind"], started["id"])
        try:
            self.get_hook().platform().stop("pipeline" if started["kind"] == "pipeline" else "execution", started["id"])
        except LocalhaiError as error:
            self.log.warning("localhai: it may run on, for it could not be stopped: %s", error)

    def began(self, context: Any, kind: str, key: str) -> None:
        """It has an id, of which other tasks hear, and this one once it is no longer deferred."""
        if context.get("ti") is not None and (self.deferrable or self.tells_others):
            context["ti"].xcom_push(key=STARTED, value={"kind": kind, "id": key})

    def on_kill(self) -> None:
        """Airflow ends the task: what it started is stopped, and in dev mode its container is gone within seconds."""
        if self._platform is not None:
            self.log.info("localhai: the task is ended; stopping %s", self._started or "what it started")
            self._platform.stop_current()


class _TaskWatcher(LogWatcher):
    def __init__(self, operator: SubmitOperator, context: Any) -> None:
        super().__init__(operator.log)
        self._operator = operator
        self._context = context

    def started(self, key: str, url: str | None) -> None:
        super().started(key, url)
        self._operator._started = key  # noqa: SLF001  # of one file
        task_instance = self._context.get("ti")
        if url and task_instance is not None:
            task_instance.xcom_push(key=XCOM_KEY, value=url)
        self._operator.began(self._context, self._operator.kind, key)


def resolved(values: Mapping[str, Any], context: Any) -> dict[str, Any]:
    """A callable among the values is called with the task's context; lazy sequences of mapped tasks become lists."""
    return {name: _plain(value(context) if callable(value) else value) for name, value in values.items()}


def _plain(value: Any) -> Any:
    if isinstance(value, (str, bytes, dict)) or not hasattr(value, "__iter__"):
        return value
    return [_plain(item) for item in value]
