"""The one place that knows which Airflow is there: 2.10, 2.11 and 3.x give the same names from different places."""

from __future__ import annotations

from airflow.triggers.base import BaseTrigger, TriggerEvent

try:  # Airflow 3
    from airflow.sdk import DAG, BaseHook, BaseOperator, BaseOperatorLink, BaseSensorOperator, Param, TaskGroup
except ImportError:  # Airflow 2
    from airflow.hooks.base import BaseHook
    from airflow.models import DAG, BaseOperator, BaseOperatorLink
    from airflow.models.param import Param
    from airflow.sensors.base import BaseSensorOperator
    from airflow.utils.task_group import TaskGroup
try:  # Airflow 3.2 and later
    from airflow.sdk.exceptions import (
        AirflowException,
        AirflowFailException,
        AirflowNotFoundException,
        AirflowSkipException,
        AirflowTaskTimeout,
    )
except ImportError:
    from airflow.exceptions import (
        AirflowException,
        AirflowFailException,
        AirflowNotFoundException,
        AirflowSkipException,
        AirflowTaskTimeout,
    )

__all__ = [
    "DAG",
    "AirflowException",
    "AirflowFailException",
    "AirflowNotFoundException",
    "AirflowSkipException",
    "AirflowTaskTimeout",
    "BaseHook",
    "BaseOperator",
    "BaseOperatorLink",
    "BaseSensorOperator",
    "BaseTrigger",
    "Param",
    "TaskGroup",
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
