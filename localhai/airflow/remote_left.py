"""What tasks left running on the platform: the next try of the same one watches it on."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING, Any

from localhai.errors import UsageError
from localhai.vocabulary import INCOMPLETE

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from localhai.airflow.claim import Claim
    from localhai.airflow.platform import Kind, Watcher
    from localhai.airflow.rest import RestClient

NEWEST = 100  # rows among which it is looked for
_RUNNING = INCOMPLETE - {"stopping"}


def newest(client: RestClient, kind: Kind, project: str) -> list[dict[str, Any]]:
    """The newest of a project, whatever their status. Raises LocalhaiError."""
    found = client.get(f"{kind}s/", project=project, ordering="-counter", limit=NEWEST)
    return list(found.get("results", []))


def running(client: RestClient, project: str) -> Iterator[tuple[Kind, str, Sequence[str]]]:
    """Among the newest of a project, those that run: kind, id and tags. Raises SurroundingsError."""
    kinds: tuple[Kind, ...] = ("execution", "pipeline")
    for kind in kinds:
        rows: list[dict[str, Any]] = []
        with suppress(UsageError):  # a token may not see them all
            rows = newest(client, kind, project)
        for row in rows:
            if row.get("status") in _RUNNING:
                yield kind, str(row["id"]), row.get("tags") or ()


def left_running(
    client: RestClient, kind: Kind, project: str, origin: str, mine: Claim, watcher: Watcher
) -> dict[str, Any] | None:
    """The newest with the tag `origin`, if it still runs and is what `mine` asks for; another one is stopped.

    What is complete is not taken. Raises SurroundingsError when it cannot be found out.
    """
    try:
        rows = newest(client, kind, project)
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
