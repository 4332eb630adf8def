"""What an earlier try of a task left running on the platform: the next try watches it on."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from localhai.airflow import shapes
from localhai.errors import UsageError

if TYPE_CHECKING:
    from localhai.airflow.platform import Kind, Watcher
    from localhai.airflow.rest import RestClient

NEWEST = 100  # rows among which it is looked for
_RUNNING = shapes.INCOMPLETE - {"stopping"}


def left_running(client: RestClient, kind: Kind, project: str, origin: str, watcher: Watcher) -> dict[str, Any] | None:
    """The newest with the tag `origin`, if it still runs. Raises SurroundingsError when that cannot be found out.

    What is complete is not taken: a task that was cleared is to run anew, and the platform cannot tell the two apart.
    """
    try:
        rows = client.get(f"{kind}s/", project=project, ordering="-counter", limit=NEWEST).get("results", [])
    except UsageError as error:
        watcher.line(f"localhai: whether an earlier try still runs cannot be found out: {error.message}")
        return None
    found = next((row for row in rows if origin in (row.get("tags") or ())), None)
    if found is None or found.get("status") not in _RUNNING:
        return None
    watcher.line(f"localhai: {kind} #{found.get('counter')} of an earlier try still runs; nothing is started twice")
    return dict(found)
