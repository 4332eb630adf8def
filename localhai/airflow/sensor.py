"""ValohaiExecutionSensor: waits for an execution or pipeline that something else started."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from localhai.airflow.compat import BaseSensorOperator, airflow_words, raise_unless_complete
from localhai.airflow.hook import ValohaiHook
from localhai.airflow.platform import what
from localhai.vocabulary import INCOMPLETE

if TYPE_CHECKING:
    from collections.abc import Sequence

    from localhai.airflow.platform import Kind


class ValohaiExecutionSensor(BaseSensorOperator):
    """Done when `execution_id` is complete; fails when it ended otherwise. `kind` may be `pipeline`."""

    template_fields: Sequence[str] = ("execution_id", "valohai_conn_id")
    ui_color = "#002f6c"
    ui_fgcolor = "#fff"

    def __init__(
        self,
        *,
        execution_id: str,
        kind: Kind = "execution",
        valohai_conn_id: str = ValohaiHook.default_conn_name,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.execution_id = execution_id
        self.kind = kind
        self.valohai_conn_id = valohai_conn_id

    def poke(self, context: Any) -> bool:  # noqa: ARG002  # Airflow's signature
        """Look once."""
        hook = ValohaiHook(self.valohai_conn_id)
        with airflow_words():
            hook.introduce(self.log)
            platform = hook.platform()
            details = platform.details(self.kind, self.execution_id)
            status = details.get("status")
            self.log.info("%s is %s", what(self.kind, details), status)
            if status in INCOMPLETE:
                return False
            raise_unless_complete(self.kind, details, platform)
            return True
