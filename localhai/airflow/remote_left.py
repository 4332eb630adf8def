"""What an earlier try of a task left running on the platform: the next try watches it on."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from localhai.errors import UsageError
from localhai.vocabulary import INCOMPLETE

if TYPE_CHECKING:
    from localhai.airflow.claim import Claim
    from localhai.airflow.platform import Kind, Watcher
    from localhai.airflow.rest import RestClient

NEWEST = 100  # rows among which it is looked for
_RUNNING = INCOMPLETE - {"stopping"}


def left_running(
    client: RestClient, kind: Kind, project: str, origin: str, mine: Claim, watcher: Watcher
) -> dict[str, Any] | None:
    """The newest with the tag `origin`, if it still runs and is what `mine` asks for; another one is stopped.

    What is complete is not taken. Raises SurroundingsError when it cannot be found out.
    """
    try:
        rows = client.get(f"{kind}s/", project=project, ordering="-counter", limit=NEWEST).get("results", [])
    except UsageError as error:
        watcher.line(f"localhai: whether an earlier try still runs cannot be found out: {error.message}")
        return None
    found = next((row for row in rows if origin in (row.get("tags") or ())), None)
    if found is None or found.get("status") not in _RUNNING:
        return None
    name = f"{kind} #{found.get('counter')} of an earlier try"
    against = mine.against(found.get("tags") or ())
    if against is not None:
        watcher.line(f"localhai: {name} still runs and is stopped: {against}")
        client.post(f"{kind}s/{found['id']}/stop/")
        return None
    watcher.line(f"localhai: {name} still runs; nothing is started twice")
    return dict(found)
