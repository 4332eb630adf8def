"""The address of an output that is known once an earlier task has run."""

from __future__ import annotations

from typing import Any

from msgspec import Struct

from localhai.airflow.compat import AirflowException
from localhai.airflow.shapes import find_output
from localhai.airflow.xcoms import pull_details


class OutputUri(Struct, frozen=True):
    """Called with the context of the task that has it as an input, it gives the `datum://` addresses, a list.

    Airflow writes its text into the serialised DAG: it is the same each time the file is read, so that reading it again
    makes no new version of the DAG.
    """

    dag_id: str
    task_id: str
    name: str | None

    def __call__(self, context: Any) -> list[str]:
        """Raises AirflowException where the task has no such output."""
        output = find_output(pull_details(context, self.dag_id, self.task_id), self.name)
        if output is None:
            raise AirflowException(f"the task {self.task_id} of {self.dag_id} has no output with the name {self.name}")
        return [f"datum://{output['id']}"]

    def __repr__(self) -> str:
        return f"<output {self.name} of {self.dag_id}.{self.task_id}>"

    def serialize(self) -> str:
        """For Airflow 3.3 and later."""
        return repr(self)
