"""ValohaiHook: the platform as Airflow's code sees it, in dev mode and on the real one."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

from localhai.airflow.compat import (
    AirflowNotFoundException,
    BaseHook,
    airflow_home,
    airflow_words,
    raise_unless_complete,
)
from localhai.airflow.platform import DEFAULT_BRANCH, VARIABLE, ExecutionRequest, Watcher, decide
from localhai.airflow.provider import HIDDEN, LABELS, PLACEHOLDERS

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from localhai.airflow.platform import Mode, Platform
    from localhai.airflow.remote import RemotePlatform
    from localhai.app.projects import Places

POLLING_INTERVAL = 30.0  # seconds, as the original plugin's
DEV_POLLING_INTERVAL = 1.0


class ValohaiHook(BaseHook):
    """Valohai, or this machine in its place while LOCALHAI_MODE=dev.

    The connection needs a host (`app.valohai.com`) and a password (an API token); in dev mode it need not exist. Its
    extra may hold `mode` (dev or remote), `projects` (name to folder) and `verify` (false, or a file of certificates).
    The mode is read when a method is called. `beside` is the folder of the DAG's file, where its project may be too.
    """

    conn_name_attr = "valohai_conn_id"
    default_conn_name = "valohai_default"
    conn_type = "valohai"
    hook_name = "Valohai"

    def __init__(
        self,
        valohai_conn_id: str = default_conn_name,
        *,
        polling_interval: float | None = None,
        beside: Path | None = None,
    ) -> None:
        super().__init__()
        self.valohai_conn_id = valohai_conn_id
        self.polling_interval = polling_interval
        self._beside = beside
        self._connection: Any = None

    @classmethod
    def get_ui_field_behaviour(cls) -> dict[str, Any]:
        """The form of a connection, before Airflow 3.2."""
        return {"hidden_fields": list(HIDDEN), "relabeling": LABELS, "placeholders": PLACEHOLDERS}

    def test_connection(self) -> tuple[bool, str]:
        """For the button in Airflow's form."""
        from localhai.errors import LocalhaiError

        try:
            mode = self.mode()
            if mode.is_dev:
                from localhai.containers.docker.connect import connect

                engine = connect()
                try:
                    return True, f"{mode}: Docker answers at {engine.info().place}"
                finally:
                    engine.close()
            return True, f"{mode}: {self._remote(mode).who_am_i()}"
        except LocalhaiError as error:
            return False, str(error)

    def extra(self) -> Mapping[str, Any]:
        """The connection's extra; empty where there is no such connection."""
        try:
            found = self.get_conn().extra_dejson
        except AirflowNotFoundException:
            return {}
        return found if isinstance(found, dict) else {}

    def get_conn(self) -> Any:
        """The connection. Raises AirflowNotFoundException."""
        if self._connection is None:
            self._connection = self.get_connection(self.valohai_conn_id)
        return self._connection

    def mode(self) -> Mode:
        """Dev or remote, as it is now. Raises UsageError for a word that is neither."""
        return decide() if os.environ.get(VARIABLE, "").strip() else decide(self.extra())

    def platform(self) -> Platform:
        """Where executions run, as the mode is now. Raises UsageError."""
        mode = self.mode()
        if mode.is_dev:
            from localhai.airflow.local import LocalPlatform

            return LocalPlatform(self.places())
        return self._remote(mode)

    def interval(self) -> float:
        """Seconds between looks: `polling_interval`, else 30 on the platform and 1 here."""
        if self.polling_interval is not None:
            return self.polling_interval
        return DEV_POLLING_INTERVAL if self.mode().is_dev else POLLING_INTERVAL

    def introduce(self, log: Any) -> None:
        """The first lines of a task's log: which mode and why, before anything that can fail; then where that is."""
        try:
            mode = self.mode()
        except Exception as error:
            log.info("localhai: whether this is dev or remote mode is not known: %s", error)
            raise
        if mode.is_dev:
            log.info("localhai: %s: everything runs in Docker on this machine, nothing reaches the platform", mode)
            return
        log.info("localhai: %s: executions run on the platform", mode)
        log.info("localhai: the platform is at %s", self._remote(mode).address)

    def places(self) -> Places:
        """Where dev mode looks for projects."""
        from localhai.app.projects import Places, known_projects
        from localhai.settings import Settings

        folders = (Path(airflow_home()), Settings.load().home)
        return Places.around(self._beside, *folders, extra=self.extra, known=known_projects)

    # what the original plugin's hook has

    def submit_execution(
        self,
        project_name: str,
        step: str,
        inputs: Mapping[str, str | Sequence[str]] | None,
        parameters: Mapping[str, Any] | None,
        environment: str | None,
        commit: str | None,
        branch: str | None,
        tags: Sequence[str] | None,
        polling_period_seconds: float = POLLING_INTERVAL,
    ) -> dict[str, Any]:
        """Run an execution to its end and give its details. Raises AirflowException unless it is complete."""
        self.polling_interval = polling_period_seconds
        request = ExecutionRequest(
            project_name,
            step,
            inputs=inputs or {},
            parameters=parameters or {},
            environment=environment,
            commit=commit,
            branch=None if branch == DEFAULT_BRANCH else branch,
            tags=tags or (),
        )
        with airflow_words():
            platform = self.platform()
            details = platform.run(request, LogWatcher(self.log))
            raise_unless_complete("execution", details, platform)
            return details

    def get_project_id(self, project_name: str) -> str:
        """Of the project with exactly this name."""
        with airflow_words():
            return self.platform().project_id(project_name)

    def fetch_repository(self, project_id: str) -> dict[str, Any]:
        """Let the platform look for new commits: `commits` and `errors`. In dev mode there is nothing to fetch."""
        with airflow_words():
            return self.platform().fetch(project_id)

    def get_repository_id(self, project_id: str) -> str:
        """Of the project's repository."""
        with airflow_words():
            return self.platform().repository_id(project_id)

    def get_latest_commit(self, project_id: str, branch: str) -> str:
        """The newest commit of a branch; in dev mode of the repository that the project's folder is in."""
        with airflow_words():
            return self.platform().newest_commit(project_id, branch)

    def add_execution_tags(self, tags: Sequence[str], execution_id: str) -> None:
        """Add them to those that it has."""
        with airflow_words():
            self.platform().add_tags(execution_id, tags)

    def get_execution_details(self, execution_id: str) -> dict[str, Any]:
        """As the platform's API gives it."""
        with airflow_words():
            return self.platform().details("execution", execution_id)

    def get_execution_outputs(self, execution_id: str) -> list[dict[str, Any]]:
        """Its outputs: id, name, size, ctime, uri."""
        with airflow_words():
            return self.platform().outputs(execution_id)

    def get_output_url(self, output_id: str) -> str:
        """An address that `urlretrieve` can open."""
        with airflow_words():
            return self.platform().output_url(output_id)

    def stop_execution(self, execution_id: str) -> None:
        """Ask it to stop."""
        with airflow_words():
            self.platform().stop("execution", execution_id)

    def get_pipeline_details(self, pipeline_id: str) -> dict[str, Any]:
        """As the platform's API gives it, with the nodes."""
        with airflow_words():
            return self.platform().details("pipeline", pipeline_id)

    def _remote(self, mode: Mode) -> RemotePlatform:
        from localhai.airflow.remote import RemotePlatform

        return RemotePlatform.of_connection(mode, self.get_conn(), interval=self.polling_interval or POLLING_INTERVAL)


class LogWatcher(Watcher):
    """Everything into a log. Nothing of it is a format string."""

    def __init__(self, log: Any) -> None:
        self._log = log

    def line(self, text: str) -> None:
        self._log.info("%s", text)

    def started(self, key: str, url: str | None) -> None:
        self._log.info("Started execution: %s", url or key)


def folder_of_dag(task: Any) -> Path | None:
    """The folder of the file that a task's DAG is written in; None for a task without a DAG, as in people's tests."""
    file = task.dag.fileloc if task.has_dag() else None
    return Path(os.path.abspath(file)).parent if file else None
