"""Execution: what a person asks about one execution. Reads records and files; changes nothing."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

from localhai.errors import FilesNotHere
from localhai.executions.log.log import displayed, read_events
from localhai.executions.log.metadata import read_metadata, read_summary
from localhai.project.plan import ExecutionPlan
from localhai.system import strict_json

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from localhai.executions.log.log import Event
    from localhai.executions.log.metadata import Summary
    from localhai.records import DatumRecord, ExecutionRecord, Records

PLAN = "plan.json"


class _Home(Protocol):
    """What an execution asks of its `Home`."""

    folder: Path

    @property
    def records(self) -> Records:
        """Where its row is."""

    def has_made(self, home_id: str | None) -> bool | None:
        """Whether that home is this one."""


class Execution:
    """One execution as it was when it was looked up; `refresh` looks again. Sizes are bytes, times UTC.

    Reading it raises RecordsUnavailable when the database is needed and does not answer.
    """

    def __init__(self, home: _Home, record: ExecutionRecord) -> None:
        self._home = home
        self._document: dict[str, Any] | None = None
        self.record = record

    def __repr__(self) -> str:
        return f"<Execution #{self.counter} {self.step!r} of {self.project!r}: {self.status}>"

    @property
    def id(self) -> str:
        """A UUID; sorts by time."""
        return self.record.id

    @property
    def counter(self) -> int:
        """Its number in the project, from 1."""
        return self.record.counter

    @property
    def status(self) -> str:
        """created, queued, started, stopping, stopped, error, crashed or complete."""
        return str(self.record.status)

    @property
    def complete(self) -> bool:
        """Whether its command ended with 0 and its outputs are kept: `status` is complete."""
        return self.status == "complete"

    @property
    def exit_code(self) -> int | None:
        """The exit code of the command; None when it never ended by itself."""
        return self.record.exit_code

    @property
    def step(self) -> str:
        """The whole name of the step."""
        return self.record.step

    @property
    def project(self) -> str:
        """The name of the project."""
        return str(self.to_dict()["project"])

    @property
    def error(self) -> str | None:
        """Why it is not complete, as one sentence."""
        found = self.to_dict()["error"]
        return None if found is None else str(found)

    @property
    def folder(self) -> Path:
        """Where plan.json, log, metadata.jsonl and outputs/ of this execution are."""
        return self._home.folder / self.record.folder

    @property
    def parameters(self) -> dict[str, Any]:
        """Name to value, cast as valohai.yaml declares it; a list for `multiple`."""
        return dict(self.to_dict()["parameters"])

    @property
    def inputs(self) -> list[dict[str, Any]]:
        """`[{name, files: [{name, uri, size, md5, sha1, sha256}]}]`, in the order of valohai.yaml."""
        return list(self.to_dict()["inputs"])

    @property
    def outputs(self) -> list[dict[str, Any]]:
        """`[{id, name, size, ctime, uri, path, md5, sha1, sha256, tags, aliases, properties, execution, purged}]`.

        `path` is the file on this machine, None where the store is elsewhere and the folder is gone.
        """
        found: list[dict[str, Any]] = self.to_dict()["outputs"]
        return list(found)

    def output(self, name: str) -> dict[str, Any]:
        """The newest output of this name. Raises KeyError, naming what there is."""
        for item in self.outputs[::-1]:
            if item["name"] == name:
                return item
        raise KeyError(
            f"{name!r} is not among the outputs: {', '.join(item['name'] for item in self.outputs) or 'none'}"
        )

    @property
    def metadata(self) -> dict[str, Any]:
        """Key to latest value, as the step printed it: numbers, texts, lists, objects."""
        if not self.folder.is_dir():  # of another machine, or its folder was removed
            return dict(self.record.document.get("metadata") or {})
        return self.summary().latest

    def summary(self) -> Summary:
        """Latest, minimum, maximum and count of each key: `keys[NAME].latest`, `.minimum`, `.maximum`, `.count`."""
        self.require_folder()
        return read_summary(self.folder)

    def metadata_events(self) -> Iterator[dict[str, Any]]:
        """Every metadata line in order, as a dict; `_time` is ISO 8601 in UTC."""
        self.require_folder()
        return read_metadata(self.folder)

    def events(self, *, last: int | None = None) -> Iterator[Event]:
        """The lines of the log, status lines too: `stream` (stdout, stderr or status), `time`, `message`.

        `last` gives only that many.
        """
        self.require_folder()
        return read_events(self.folder, last=last)

    def logs(self, *, last: int | None = None) -> str:
        """What the step wrote, stdout and stderr as they came, as text. Of the `last` lines only, if given."""
        lines = [displayed(event.message.encode()) for event in self.events(last=last) if event.stream != "status"]
        return "".join(f"{line}\n" for line in lines)

    def plan(self) -> ExecutionPlan:
        """The plan that it ran by. Raises FilesNotHere when its folder is not here."""
        import json

        self.require_folder()
        return strict_json.convert(json.loads((self.folder / PLAN).read_bytes()), ExecutionPlan)

    def require_folder(self) -> None:
        """Raises FilesNotHere when log and plan are not in this home: another one has them, or nobody."""
        if not self.record.folder or self.folder.is_dir():
            return
        home, owner = self.record.made_in, self.record.owner
        if home and not self._home.has_made(home["id"]):
            raise FilesNotHere(
                f"log and files of execution #{self.counter} are in another home, on {home['host']}",
                where=str(self.folder),
                hints=[f"look there: LOCALHAI_HOME={home['folder']} localhai execution info {self.id}"],
            )
        ran_on = f"it ran on {owner.host}: look there" if owner is not None else "it was removed"
        raise FilesNotHere(
            f"the folder of execution #{self.counter} is not on this machine", where=str(self.folder), hints=[ran_on]
        )

    def refresh(self) -> Execution:
        """Look the execution up again; gives itself. Raises UsageError when it was deleted."""
        self.record = self._home.records.executions.get(self.id)
        self._document = None
        return self

    def _output(self, datum: DatumRecord) -> dict[str, Any]:
        """An output in the JSON shape; `path` is the file in this execution's folder while it is there."""
        found = datum.to_dict()
        if self.record.folder:
            path = self.folder / "outputs" / datum.name
            if path.is_file():
                found["path"] = str(path)
        return found

    def to_dict(self) -> dict[str, Any]:
        """The JSON shape that `--json` prints; docs/json.md lists its keys."""
        if self._document is None:
            self._document = {**self.record.to_dict(), "outputs": [self._output(item) for item in self.record.outputs]}
        return self._document
