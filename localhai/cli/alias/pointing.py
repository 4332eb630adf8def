"""What `alias create` and `alias update` share."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from localhai.cli import output
from localhai.errors import UsageError
from localhai.vocabulary import datum_uri

if TYPE_CHECKING:
    from localhai.cli.call import Call
    from localhai.executions.open_project import OpenProject

_id_re = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")


def point(call: Call, project: OpenProject, name: str, reference: str) -> None:
    """Point the alias and say so. Raises UsageError for a name that no input could use, and for an unknown datum."""
    if not name or "/" in name or _id_re.fullmatch(name.lower()) or name != name.strip():
        raise UsageError(f"{name!r} cannot be an alias", where=name, hints=["a name without / that is no id will do"])
    records = project.home.records
    datum = records.data.find(reference, project.record.id)
    if datum.purged:
        raise UsageError(f"the bytes of {datum.name} were deleted", where=reference)
    alias = records.aliases.point(project.record.id, name, datum.id)
    if call.json:
        document = {"name": name, "datum": records.data.get(datum.id).to_dict()}
        output.emit_json({**document, "created": alias.created, "updated": alias.updated})
    else:
        output.say(f"{datum_uri(name)} is {datum.name}, {datum_uri(datum.id)}")
