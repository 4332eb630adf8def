"""The one place that knows which Airflow is there: 2.10, 2.11 and 3.x give the same names from different places."""

from __future__ import annotations

from airflow.triggers.base import BaseTrigger, TriggerEvent

try:  # Airflow 3
    from airflow.sdk import BaseHook, BaseOperator, BaseOperatorLink, BaseSensorOperator
except ImportError:  # Airflow 2
    from airflow.hooks.base import BaseHook
    from airflow.models import BaseOperator, BaseOperatorLink
    from airflow.sensors.base import BaseSensorOperator
try:  # Airflow 3.2 and later
    from airflow.sdk.exceptions import AirflowException, AirflowFailException, AirflowNotFoundException
except ImportError:
    from airflow.exceptions import AirflowException, AirflowFailException, AirflowNotFoundException

__all__ = [
    "AirflowException",
    "AirflowFailException",
    "AirflowNotFoundException",
    "BaseHook",
    "BaseOperator",
    "BaseOperatorLink",
    "BaseSensorOperator",
    "BaseTrigger",
    "TriggerEvent",
    "airflow_home",
    "default_deferrable",
]


def airflow_home() -> str:
    """AIRFLOW_HOME, absolute."""
    from airflow.configuration import AIRFLOW_HOME

    return str(AIRFLOW_HOME)


def default_deferrable() -> bool:
    """`[operators] default_deferrable` of airflow.cfg."""
    from airflow.configuration import conf

    return bool(conf.getboolean("operators", "default_deferrable", fallback=False))
