"""The one place that knows which Airflow is there: 2.10, 2.11 and 3.x give the same names from different places.

And what goes wrong as Airflow's exceptions: without another try where another try cannot help.
"""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from airflow.triggers.base import BaseTrigger, TriggerEvent

from localhai.airflow.platform import failure_text, what
from localhai.errors import MISTAKES, LocalhaiError
from localhai.vocabulary import FINAL, Status

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

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from localhai.airflow.platform import Kind, Platform

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
    "airflow_words",
    "default_deferrable",
    "raise_unless_complete",
    "text_of",
]


def airflow_home() -> str:
    """AIRFLOW_HOME, absolute."""
    from airflow.configuration import AIRFLOW_HOME

    return str(AIRFLOW_HOME)


def default_deferrable() -> bool:
    """`[operators] default_deferrable` of airflow.cfg."""
    from airflow.configuration import conf

    return bool(conf.getboolean("operators", "default_deferrable", fallback=False))


@contextmanager
def airflow_words() -> Iterator[None]:
    """Inside, mistakes of the DAG or the project become AirflowFailException, all else AirflowException."""
    try:
        yield
    except MISTAKES as error:
        raise AirflowFailException(text_of(error)) from error
    except LocalhaiError as error:
        raise AirflowException(text_of(error)) from error


def text_of(error: LocalhaiError) -> str:
    """Message, problems with their positions, and hints; a line each."""
    lines = [error.message]
    lines += [f"  {item.position or error.where}: {item.message}" for item in getattr(error, "problems", ())]
    lines += [f"  {hint}" for hint in error.hints]
    return "\n".join(lines)


def raise_unless_complete(kind: Kind, details: Mapping[str, Any], platform: Platform) -> None:
    """Raises AirflowException for every final status but `complete`, with the exit code and the last lines."""
    status, name = details.get("status"), what(kind, details)
    if status == Status.COMPLETE:
        return
    if status not in FINAL:
        raise AirflowException(f"{name} has the status {status!r}, which is not known")
    raise AirflowException(failure_text(details, name, platform.lines(kind, details["id"])))
