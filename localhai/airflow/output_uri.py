"""The address of an output that is known once an earlier task has run."""

from __future__ import annotations

from typing import Any

from msgspec import Struct

from localhai.airflow.compat import AirflowException
from localhai.airflow.shapes import find_outputs, output_names
from localhai.airflow.xcoms import Upstream, pull_details
from localhai.vocabulary import datum_uri


class OutputUri(Struct, frozen=True):
    """Called with the context of the task that has it as an input, it gives the `datum://` addresses, a list.

    Of a mapped task those of all, in their order. Airflow writes its text into the serialised DAG: it is the same each
    time the file is read, so that reading it again makes no new version of the DAG.
    """

    upstream: Upstream
    name: str | None

    def __call__(self, context: Any) -> list[str]:
        """Raises AirflowException where the task has no such output, or left no result in this run."""
        details = pull_details(context, self.upstream)
        found = find_outputs(details, self.name)
        if not found:
            known = ", ".join(output_names(details)) or "none"
            raise AirflowException(f"{self.upstream} has no output with the name {self.name}; it has: {known}")
        return [datum_uri(output["id"]) for output in found]

    def __repr__(self) -> str:
        upstream = self.upstream
        more = f" [{upstream.map_index}]" if upstream.map_index is not None else ""
        more += " of any run" if upstream.include_prior_dates else ""
        return f"<output {self.name} of {upstream.dag_id}.{upstream.task_id}{more}>"

    def serialize(self) -> str:
        """For Airflow 3.3 and later."""
        return repr(self)
