"""Reading the XComs of tasks, the same on Airflow 2 and 3."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from msgspec import Struct

from localhai.airflow.compat import AirflowException, AirflowFailException
from localhai.vocabulary import datum_uri

if TYPE_CHECKING:
    from collections.abc import Mapping

STARTED = "localhai_started"  # the key of {kind, id}: what a task started, known before it has ended
RESULT = "return_value"


class Upstream(Struct, frozen=True):
    """The task whose result is wanted: of this run, unless it is of another DAG or earlier runs are allowed.

    `map_index` chooses one of a mapped task, None takes all of them; beside it in one mapped task group its own.
    """

    dag_id: str
    task_id: str
    include_prior_dates: bool = False
    map_index: int | None = None

    def __str__(self) -> str:
        return f"the task {self.task_id} of {self.dag_id}"


class OutputUri(Struct, frozen=True):
    """Called with the context of the task that has it as an input, it gives the `datum://` addresses, a list.

    Of a mapped task those of all, in their order. Airflow writes its text into the serialised DAG: it is the same each
    time the file is read, so that reading it again makes no new version of the DAG.
    """

    upstream: Upstream
    name: str | None

    def __call__(self, context: Any) -> list[str]:
        """Raises AirflowException where the task has no such output, or left no result in this run."""
        outputs = pull_outputs(context, self.upstream)
        found = [datum_uri(item["id"]) for item in outputs if item.get("name") == self.name]
        if not found:
            known = ", ".join(dict.fromkeys(str(item.get("name")) for item in outputs)) or "none"
            raise AirflowException(f"{self.upstream} has no output with the name {self.name}; it has: {known}")
        return found

    def __repr__(self) -> str:
        upstream = self.upstream
        more = f" [{upstream.map_index}]" if upstream.map_index is not None else ""
        more += " of any run" if upstream.include_prior_dates else ""
        return f"<output {self.name} of {upstream.dag_id}.{upstream.task_id}{more}>"

    def serialize(self) -> str:
        """For Airflow 3.3 and later."""
        return repr(self)


def pull_outputs(context: Any, upstream: Upstream) -> list[Mapping[str, Any]]:
    """The outputs in the XCom of a submit operator, or of all that a mapped task came to.

    Raises AirflowFailException where it left none, which another try cannot change.
    """
    task_instance, index = context["ti"], upstream.map_index
    here = getattr(task_instance, "dag_id", upstream.dag_id) == upstream.dag_id
    if index is None and here:
        index = _index_in_own_group(context, upstream.task_id)
    one = -1 if index is None else index  # Airflow 3 gives a list for what is not mapped too, unless it is told so
    chosen = "" if index is None else f" with the map index {index}"
    found = _pull(task_instance, upstream, one) if here else []
    if here and not found and index is None:
        found = _pull(task_instance, upstream, None)
    if here and not found and not upstream.include_prior_dates:
        raise AirflowFailException(
            f"{upstream} left no result in this run{chosen}: it was skipped, or did not end well.\n"
            "  include_prior_dates=True takes the result of an earlier run in its place"
        )
    found = found or _pull(task_instance, upstream, one, include_prior_dates=True)
    if not found:
        hint = "" if upstream.map_index is not None else "\n  map_index=NUMBER chooses one of a mapped task"
        raise AirflowFailException(f"{upstream} left no result in this run or an earlier one{chosen}{hint}")
    return [item for details in found if isinstance(details, dict) for item in details.get("outputs") or ()]


def _pull(task_instance: Any, upstream: Upstream, index: int | None, **more: Any) -> list[Any]:
    if index is not None:
        more["map_indexes"] = index
    return _listed(task_instance.xcom_pull(dag_id=upstream.dag_id, task_ids=upstream.task_id, **more))


def _listed(found: Any) -> list[Any]:
    """One value, or the values of all of a mapped task that pushed any."""
    if found is None or isinstance(found, (dict, str)):
        return [] if found is None else [found]
    return [item for item in found if item is not None]


def _index_in_own_group(context: Any, task_id: str) -> int | None:
    """Of a task in a mapped task group, to which the other one belongs too: they are mapped together."""
    index = getattr(context["ti"], "map_index", -1)
    task, dag = (context.get(name) if hasattr(context, "get") else None for name in ("task", "dag"))
    if not isinstance(index, int) or index < 0 or task is None or dag is None or not dag.has_task(task_id):
        return None
    groups = [_mapped_group(one) for one in (task, dag.get_task(task_id))]
    return index if groups[0] is not None and groups[0] == groups[1] else None


def _mapped_group(task: Any) -> str | None:
    closest = getattr(task, "get_closest_mapped_task_group", None)
    group = closest() if closest is not None else None
    return None if group is None else str(group.group_id)


def pull_all(context: Any, task_id: str, key: str = RESULT) -> list[Any]:
    """What a task of this run pushed; of a mapped one the values of all that pushed any, in their order."""
    return _listed(context["ti"].xcom_pull(task_ids=task_id, key=key))


def pull_one(context: Any, task_id: str, key: str = RESULT, *, index: int = -1) -> Any:
    """What one task of this run pushed, else None; `index` is that of one of a mapped task."""
    return context["ti"].xcom_pull(task_ids=task_id, key=key, map_indexes=index)


def pull_started(context: Any, task_id: str) -> dict[str, str] | None:
    """What this very task instance started, if it told: {kind, id}."""
    if context.get("ti") is None:
        return None
    found = pull_one(context, task_id, STARTED, index=getattr(context["ti"], "map_index", -1))
    return dict(found) if isinstance(found, dict) else None
