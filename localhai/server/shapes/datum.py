"""Data and their aliases (wire.md 2.6, 2.7)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from localhai.vocabulary import datum_uri

if TYPE_CHECKING:
    from collections.abc import Mapping

    from localhai.records import Alias, DatumRecord


def datum(row: DatumRecord, *, counter: int | None, base: str) -> dict[str, Any]:
    """A datum. `counter` is that of the execution that put it out, None when that is deleted.

    `uri` names the datum: where its bytes are kept is the server's own business.
    """
    execution = None if counter is None else {"id": row.execution_id, "counter": counter}
    return {
        "id": row.id,
        "name": row.name,
        "size": row.size,
        "ctime": row.ctime,
        "file_ctime": row.ctime,
        "file_mtime": row.ctime,
        "uri": datum_uri(row.id),
        "output_execution": execution,
        "md5": row.md5,
        "sha1": row.sha1,
        "sha256": row.sha256,
        "purged": row.purged is not None,
        "project": row.project_id,
        "aliases": list(row.aliases),
        "tags": list(row.tags),
        "metadata": [dict(item) for item in row.properties],
        "url": f"{base}/api/v0/data/{row.id}/",
    }


def alias(row: Alias, pointed: Mapping[str, Any] | None) -> dict[str, Any]:
    """An alias with the datum that it names."""
    return {
        "id": f"{row.project_id}:{row.name}",
        "name": row.name,
        "datum": pointed,
        "project": {"id": row.project_id},
        "ctime": row.created,
        "mtime": row.updated,
    }
