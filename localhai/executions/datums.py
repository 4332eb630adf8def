"""`datum://` in inputs: an earlier output by its id, or by an alias of the project (reference 4.1)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from localhai.data.files import Checksums, StoredDatum
from localhai.errors import UsageError

if TYPE_CHECKING:
    from localhai.records import DatumRecord, Records


def find_datum(records: Records, project_id: str, reference: str) -> StoredDatum | None:
    """The datum that `reference` (what stands behind datum://) names here; None when there is none."""
    found = _by_id(records, reference)
    if found is None:
        alias = records.alias(project_id, reference)
        found = _by_id(records, alias.datum_id) if alias is not None else None
    return None if found is None or found.purged else _stored(found)


def _by_id(records: Records, datum_id: str) -> DatumRecord | None:
    try:
        return records.datum(datum_id)
    except UsageError:
        return None


def _stored(datum: DatumRecord) -> StoredDatum:
    return StoredDatum(
        id=datum.id,
        name=datum.name,
        size=datum.size,
        uri=datum.uri,
        checksums=Checksums(datum.md5, datum.sha1, datum.sha256),
        metadata=datum.properties,
    )
