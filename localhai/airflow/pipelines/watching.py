"""How the tasks of one run of a DAG learn of one another, by XCom alone: no disk and no database of ours is shared.

A node that ends the pipeline pushes a flag, then stops what runs beside it. Another one pushes what it started, then
looks for flags. Whichever comes first, one of the two sees the other.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from localhai.airflow.compat import AirflowException, AirflowFailException, AirflowSkipException
from localhai.airflow.xcoms import STARTED, pull_all, pull_one
from localhai.errors import LocalhaiError

if TYPE_CHECKING:
    from collections.abc import Iterable
    from logging import Logger

    from localhai.airflow.pipelines.description import NodeDescription
    from localhai.airflow.platform import Platform
    from localhai.pipelines.rules import Verdict

FLAG = "localhai_flag"
RESULT = "return_value"


def flag_among(context: Any, tasks: Iterable[str]) -> dict[str, str] | None:
    """The first flag that one of these tasks pushed."""
    for task in tasks:
        for flag in pull_all(context, task, FLAG):
            return dict(flag)
    return None


def end_if_flagged(context: Any, tasks: Iterable[str]) -> None:
    """Raises AirflowSkipException where the pipeline was stopped, AirflowFailException where it failed.

    A failed pipeline must not skip what it keeps from running: Airflow would take a skipped end for a good one.
    """
    flag = flag_among(context, tasks)
    if flag is not None:
        raise_for(flag)


def raise_for(flag: dict[str, str]) -> None:
    """As `end_if_flagged`, for a flag that is known."""
    if flag["outcome"] in {"stopped", "complete"}:
        raise AirflowSkipException(f"stopped: {flag['reason']}")
    raise AirflowFailException(f"stopped: {flag['reason']}")


def flag_of(verdict: Verdict) -> dict[str, str]:
    """A verdict that ends the pipeline, for XCom."""
    return {"outcome": str(verdict.outcome), "reason": verdict.reason}


def end_pipeline(context: Any, description: NodeDescription, verdict: Verdict, platform: Platform, log: Logger) -> None:
    """Tell the others, and stop what runs beside this node."""
    context["ti"].xcom_push(key=FLAG, value=flag_of(verdict))
    stop_tasks(context, description.beside, platform, log)


def stop_tasks(context: Any, tasks: Iterable[str], platform: Platform, log: Logger) -> None:
    """Stop what these tasks started, as far as it still runs."""
    for task in tasks:
        for started in pull_all(context, task, STARTED):
            log.info("localhai: stopping %s %s of the task %s", started["kind"], started["id"], task)
            try:
                platform.stop(started["kind"], started["id"])
            except LocalhaiError as error:  # it has ended, or is of another home: then its own task stops it
                log.info("localhai: it cannot be stopped from here: %s", error.message)


def is_last_try(context: Any) -> bool:
    """Whether Airflow will not try this task again if it fails."""
    task_instance = context["ti"]
    return int(task_instance.try_number) > int(task_instance.max_tries)


def results_before(context: Any, description: NodeDescription) -> dict[str, dict[str, Any]]:
    """The XComs of the nodes before this one, by name.

    Raises AirflowSkipException or AirflowException where one of them has none.
    """
    found = {}
    for name, task in description.sources.items():
        details = pull_one(context, task)
        if details is None:
            end_if_flagged(context, description.flags)
            raise AirflowException(f"the task {task} left no result of node {name}")
        found[name] = details
    return found
