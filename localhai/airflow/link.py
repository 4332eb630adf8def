"""The link from a task to its execution. Airflow 3 stores it with the task; Airflow 2 asks for it when it is shown."""

from __future__ import annotations

from typing import Any

from localhai.airflow.compat import BaseOperatorLink

XCOM_KEY = "valohai_execution_url"


class ValohaiLink(BaseOperatorLink):
    """To the execution's page; in dev mode too where a server answered when it began, else to its folder."""

    name = "Valohai"

    @property
    def xcom_key(self) -> str:
        """Where the operator puts the address as soon as there is one."""
        return XCOM_KEY

    def get_link(self, operator: Any, *, ti_key: Any) -> str:  # noqa: ARG002  # Airflow's signature
        """The address, empty until there is one."""
        from airflow.models import XCom

        return str(XCom.get_value(key=XCOM_KEY, ti_key=ti_key) or "")
