"""ValohaiDownloadExecutionOutputsOperator: outputs of an earlier task as files of the worker."""

from __future__ import annotations

import os
import re
import tempfile
from contextlib import suppress
from typing import TYPE_CHECKING, Any
from urllib.request import urlopen

from localhai.airflow.compat import AirflowException, AirflowFailException, BaseOperator, airflow_home
from localhai.airflow.platform import decide
from localhai.airflow.xcoms import Upstream, pull_outputs

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

_PIECE = 1 << 20  # bytes


class ValohaiDownloadExecutionOutputsOperator(BaseOperator):
    """Copies outputs of a ValohaiSubmitExecutionOperator's execution to the worker; the XCom lists the files.

    `output_task` is that operator. Without `output_name` (exact) and `output_name_pattern` (a regular expression,
    matched at the beginning; the matched part is the file's name) it copies all. `output_path` starts at AIRFLOW_HOME.
    `fail_if_missing`: fail when no output matched. A task of this DAG must have a result of this run, unless
    `include_prior_dates` allows an earlier one; `map_index` chooses one of a mapped task, whose outputs may not have
    the same name otherwise.
    """

    ui_color = "#fff"
    ui_fgcolor = "#000"
    template_fields: Sequence[str] = ("output_name", "output_name_pattern", "output_path")

    def __init__(
        self,
        *,
        output_task: Any,
        output_name: str | None = None,
        output_name_pattern: str | None = None,
        output_path: str = ".",
        fail_if_missing: bool = True,
        include_prior_dates: bool = False,
        map_index: int | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.output_dag_id = output_task.dag_id
        self.output_task_id = output_task.task_id
        self.output_name = output_name
        self.output_name_pattern = output_name_pattern
        self.output_path = output_path
        self.fail_if_missing = fail_if_missing
        self.include_prior_dates = include_prior_dates
        self.map_index = map_index

    def execute(self, context: Any) -> list[str]:
        """Copy what matches; gives the paths."""
        self.log.info("localhai: %s", decide())
        upstream = Upstream(self.output_dag_id, self.output_task_id, self.include_prior_dates, self.map_index)
        wanted = list(self._wanted(pull_outputs(context, upstream)))
        _once_each([name for _, name in wanted], upstream)
        written = [self._download(output["url"], name) for output, name in wanted]
        if not written and self.fail_if_missing:
            sought = self.output_name or self.output_name_pattern or "any name"
            raise AirflowException(f"the task {self.output_task_id} has no output that matches {sought}")
        return written

    def get_output_path(self, name: str) -> str:
        """Where an output of this name goes."""
        return os.path.join(airflow_home(), self.output_path, name)

    def _wanted(self, outputs: Sequence[Mapping[str, Any]]) -> Iterator[tuple[Mapping[str, Any], str]]:
        for output in outputs:
            name = output["name"]
            if self.output_name:
                name = name if name == self.output_name else ""
            elif self.output_name_pattern:
                match = re.match(self.output_name_pattern, name)
                name = match.group(0) if match else ""
            if name:
                yield output, name
            else:
                self.log.info("Not wanted: %s", output["name"])

    def _download(self, url: str, name: str) -> str:
        """The whole file appears at once, or not at all."""
        folder = os.path.join(airflow_home(), self.output_path)
        path = os.path.normpath(self.get_output_path(name))
        if os.path.commonpath([os.path.abspath(path), os.path.abspath(folder)]) != os.path.abspath(folder):
            raise AirflowFailException(f"the output {name} would be written outside of {folder}")
        os.makedirs(os.path.dirname(path), exist_ok=True)
        handle, fresh = tempfile.mkstemp(dir=os.path.dirname(path), prefix=".localhai-")
        try:
            with os.fdopen(handle, "wb") as target, urlopen(url) as source:  # noqa: S310  # file: is what dev mode gives
                while piece := source.read(_PIECE):
                    target.write(piece)
            os.chmod(fresh, 0o644)
            os.replace(fresh, path)
        except OSError as error:
            raise AirflowException(f"the output {name} cannot be downloaded: {error}") from error
        finally:
            with suppress(FileNotFoundError):
                os.unlink(fresh)
        self.log.info("Downloaded %s to %s", name, path)
        return path


def _once_each(names: Sequence[str], upstream: Upstream) -> None:
    """Raises AirflowFailException for what would be written over by its like."""
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise AirflowFailException(
            f"{upstream} has several outputs that would be the file {twice[0]}:\n"
            "  map_index=NUMBER chooses one of a mapped task, output_name_pattern may tell others apart"
        )
