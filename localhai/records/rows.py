"""What the records give: one frozen struct per noun, with the JSON shapes of docs/json.md."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from msgspec import Struct, field
from msgspec.structs import asdict

from localhai.records.times import duration

if TYPE_CHECKING:
    from localhai.vocabulary import Status


class Project(Struct, frozen=True):
    """A folder with a valohai.yaml. `id` is made once and kept; `name` may change; `path` is absolute."""

    id: str
    name: str
    path: str
    created: str

    def to_dict(self) -> dict[str, Any]:
        """`id, name, path, created`."""
        return asdict(self)


class Owner(Struct, frozen=True):
    """The process that runs an execution. `process_start` and `boot_id` tell it from a later one of the same number."""

    host: str
    pid: int
    process_start: str
    boot_id: str


class DatumRecord(Struct, frozen=True):
    """An output of an execution, or an upload, of none: immutable bytes with an id (platform.md 5).

    `name` is the path under /valohai/outputs, `size` in bytes, `uri` says where the bytes are (a path of this machine,
    file:// or s3://), `properties` the metadata of its sidecars. The last four are filled by the records.
    `purged` is the time when the bytes were deleted; the row stays, since other executions may have used them.
    """

    id: str
    name: str
    size: int
    ctime: str
    uri: str
    md5: str
    sha1: str
    sha256: str
    tags: tuple[str, ...] = ()
    properties: tuple[Mapping[str, Any], ...] = ()
    execution_id: str | None = None
    project_id: str | None = None
    aliases: tuple[str, ...] = ()
    purged: str | None = None

    @property
    def path(self) -> str | None:
        """Where the file is on this machine, None when it is elsewhere."""
        if self.uri.startswith("/"):
            return self.uri
        if not self.uri.startswith("file://"):
            return None
        from urllib.parse import unquote, urlsplit  # 3 ms that most commands need not spend

        return unquote(urlsplit(self.uri).path)

    def to_dict(self) -> dict[str, Any]:
        """docs/json.md's output: `id, name, size, ctime, uri, path, md5, sha1, sha256, tags, aliases`, and more."""
        return {
            "id": self.id,
            "name": self.name,
            "size": self.size,
            "ctime": self.ctime,
            "uri": self.uri,
            "path": self.path,
            "md5": self.md5,
            "sha1": self.sha1,
            "sha256": self.sha256,
            "tags": list(self.tags),
            "aliases": list(self.aliases),
            "properties": [dict(item) for item in self.properties],
            "execution": self.execution_id,
            "purged": self.purged,
        }


class Alias(Struct, frozen=True):
    """A name of a project for a datum, which may move to another datum (platform.md 5, `valohai.alias`)."""

    project_id: str
    name: str
    datum_id: str
    created: str
    updated: str

    def to_dict(self) -> dict[str, Any]:
        """`project_id, name, datum_id, created, updated`."""
        return asdict(self)


class AliasChange(Struct, frozen=True):
    """Since `time` an alias pointed to this datum; None: it was deleted."""

    time: str
    datum_id: str | None


class StatusChange(Struct, frozen=True):
    """One change of status: `old` is None when the execution was created, `by` says who changed it."""

    time: str
    old: Status | None
    new: Status
    by: str


class ExecutionRecord(Struct, frozen=True):
    """One row of executions, with its project's name, its tags and its outputs.

    Times are text as in `times`. `document` holds what has no column: `image_digest, command, parameters, inputs,
    metadata, parity, error` and whatever else the runner remembers; it never holds a secret. `folder` is empty until
    it is known.
    """

    id: str
    project_id: str
    project: str
    counter: int
    status: Status
    step: str
    image: str
    commit: str | None
    created: str
    queued: str | None = None
    started: str | None = None
    finished: str | None = None
    exit_code: int | None = None
    title: str | None = None
    tags: tuple[str, ...] = ()
    environment: str | None = None
    owner: Owner | None = None
    stop_requested: str | None = None
    container_id: str | None = None
    folder: str = ""
    document: Mapping[str, Any] = field(default_factory=dict)
    outputs: tuple[DatumRecord, ...] = ()

    @property
    def duration(self) -> float | None:
        """Seconds from `started` to `finished`; None until it has finished, and when it never started."""
        return duration(self.document, self.started, self.finished)

    @property
    def made_in(self) -> Mapping[str, Any]:
        """`id`, `host` and `folder` of the home that made it; empty where none was noted yet."""
        found: Mapping[str, Any] = self.document.get("home") or {}
        return found

    @property
    def environment_variables(self) -> dict[str, str | None]:
        """What was given to it, by name; None for a secret, and where an earlier localhai kept names only."""
        values = self.document.get("environment_variable_values") or {}
        return {name: values.get(name) for name in self.document.get("environment_variables") or ()}

    def to_dict(self) -> dict[str, Any]:
        """docs/json.md's execution, and `dirty`: the code was not that of a commit.

        Times are ISO-8601 UTC with `Z`, `duration` is in seconds.
        """
        return {
            "id": self.id,
            "counter": self.counter,
            "status": str(self.status),
            "exit_code": self.exit_code,
            "step": self.step,
            "project": self.project,
            "commit": self.commit,
            "dirty": self.document.get("dirty"),
            "image": self.image,
            "image_digest": self.document.get("image_digest"),
            "command": self.document.get("command"),
            "parameters": self.document.get("parameters", {}),
            "inputs": self.document.get("inputs", []),
            "outputs": [output.to_dict() for output in self.outputs],
            "metadata": self.document.get("metadata", {}),
            "environment": self.environment,
            "environment_variables": self.environment_variables,
            "tags": list(self.tags),
            "title": self.title,
            "created": self.created,
            "started": self.started,
            "finished": self.finished,
            "duration": self.duration,
            "parity": self.document.get("parity", []),
            "error": self.document.get("error"),
            "status_detail": self.document.get("status_detail"),
            "reuse": self.document.get("reuse"),
            "not_collected": self.document.get("not_collected"),
        }
