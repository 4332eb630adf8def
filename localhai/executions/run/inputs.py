"""The inputs of an execution: fetched before its container starts, recorded, told to log and observer.

On-demand inputs are listed then, and fetched when its code asks for them (platform.md 1.5, 2.4).
"""

from __future__ import annotations

import json
import os
import uuid
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from msgspec import Struct, to_builtins

from localhai.data.files import InputSpec
from localhai.data.progress import FetchPlanned, FileAdvanced, FileDone, FileStarted, Waiting
from localhai.executions.reading import asked_by, reach_of, requester_of
from localhai.executions.run.environment import is_set
from localhai.system import strict_json
from localhai.system.text import human_size
from localhai.vocabulary import datum_uri

if TYPE_CHECKING:
    from localhai.data.files import InputFile, OnDemandFile
    from localhai.data.progress import ProgressEvent
    from localhai.data.wanted import Reach
    from localhai.executions.home import Home
    from localhai.executions.run.context import RunContext
    from localhai.records import ExecutionRecord
    from localhai.settings import Settings

BIG = 100 * 1000 * 1000  # bytes: a download of this size is announced before it starts


def fetch(context: RunContext) -> None:
    """Bring the inputs of an execution into the cache and record them. Raises InputNotFound, DiskFull, Interrupted."""
    if not context.plan.inputs:
        return
    wanted = [item for item in context.plan.inputs if item.uris]
    if wanted:
        from localhai.data.inputs import fetch_inputs

        fetched = fetch_inputs(
            wanted,
            **reach_of(context.home, context.settings, context.project.id, asked_by(context)),
            progress=FetchReporter(context),
            cancelled=context.is_asked_to_stop,
            pins=context.hold_inputs(),
            refresh=is_set(context.plan.environment_variables, "VH_NO_DATA_CACHE"),
            keep_all=context.settings.same_names == "all",
            on_demand=ON_CALL in context.calls,
        )
        for note in fetched.notes:
            context.capture.status(note)
        context.inputs, context.on_demand = fetched.files, fetched.on_demand
    if context.on_demand:
        list_on_demand(context.folder, context.record.id, context.on_demand)
    context.record_inputs(_recorded_inputs(context))


def _recorded_inputs(context: RunContext) -> list[dict[str, Any]]:
    found: dict[str, list[dict[str, Any]]] = {item.name: [] for item in context.plan.inputs}
    files: list[InputFile | OnDemandFile] = [*context.inputs, *context.on_demand]
    for file in files:
        sums = file.checksums
        found[file.input].append(
            {
                "name": file.name,
                "uri": context.masker.mask_text(file.uri),
                "size": file.size,
                "md5": sums.md5 if sums else None,
                "sha1": sums.sha1 if sums else None,
                "sha256": sums.sha256 if sums else None,
                **({"stand_in": context.masker.mask_text(file.stand_in)} if file.stand_in else {}),
            }
        )
    return [{"name": name, "files": files} for name, files in found.items()]


class FetchReporter:
    """Listens to a fetch and tells the life's log and observer (status lines as platform.md 2.5 has them)."""

    def __init__(self, context: RunContext) -> None:
        self._context = context
        self._sizes: dict[tuple[str, str], int | None] = {}

    def __call__(self, event: ProgressEvent) -> None:
        if isinstance(event, FetchPlanned):
            self._planned(event)
        elif isinstance(event, FileStarted):
            self._sizes[event.input, event.name] = event.size
            if event.resumed:
                self._context.capture.status(f"{event.uri}: going on after {human_size(event.resumed)}")
            self._advance(event.input, event.name, event.resumed)
        elif isinstance(event, FileAdvanced):
            self._advance(event.input, event.name, event.done)
        elif isinstance(event, FileDone):
            self._done(event)
        elif isinstance(event, Waiting):
            self._context.capture.status(f"{event.input}/{event.name}: {event.reason}" if event.name else event.reason)

    def _planned(self, event: FetchPlanned) -> None:
        if event.to_download >= BIG:
            count = f"{event.files} file{'s' if event.files != 1 else ''}"
            self._context.capture.status(f"Downloading {human_size(event.to_download)} for the inputs ({count})")

    def _advance(self, input_name: str, name: str, done: int) -> None:
        size = self._sizes.get((input_name, name))
        self._context.observer.progress("input", f"{input_name}/{name}", done, size)

    def _done(self, event: FileDone) -> None:
        self._context.observer.progress("input", f"{event.input}/{event.name}", event.size, event.size)
        how = "in the cache" if event.cached else "downloaded"
        self._context.capture.status(f"{event.uri}: {how}, {human_size(event.size)}")


ON_CALL = "input_request"  # of api.json: without it, on-demand inputs are there beforehand
LIST = "scratch/on-demand.json"  # with the container, it goes


class ListedFile(Struct, frozen=True):
    """A file that code may ask for. `uri` is as the engine's owner reaches it: it may hold a password.

    `stands_in`: its owner chose it, so it is followed for whoever asks.
    """

    input: str
    input_id: str
    name: str
    uri: str
    original_uri: str
    stands_in: bool = False


def input_id(execution_id: str, name: str) -> str:
    """The id of an on-demand input, made of its execution's and its name."""
    return str(uuid.uuid5(uuid.UUID(execution_id), f"input {name}"))


def list_on_demand(folder: Path, execution_id: str, files: Iterable[OnDemandFile]) -> None:
    """Keep what may be asked for, readable by the owner alone."""
    listed = [
        ListedFile(
            file.input, input_id(execution_id, file.input), file.name, _where(file), file.uri, file.stand_in is not None
        )
        for file in files
    ]
    path = folder / LIST
    path.parent.mkdir(parents=True, exist_ok=True)
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file:
        file.write(strict_json.dumps([to_builtins(item) for item in listed]))


def listed(folder: Path) -> list[ListedFile]:
    """What may be asked for in the execution of this folder, in order; nothing once it has ended."""
    try:
        return strict_json.convert(json.loads((folder / LIST).read_bytes()), list[ListedFile])
    except (FileNotFoundError, NotADirectoryError):
        return []


def fetch_listed(home: Home, settings: Settings, execution: ExecutionRecord, wanted: ListedFile) -> InputFile:
    """Bring one file into the cache. Raises InputNotFound, DiskFull and other SurroundingsErrors."""
    from localhai.data.inputs import fetch_inputs
    from localhai.data.progress import waits_said

    requester = None if wanted.stands_in else requester_of(execution.document)
    reach: Reach = {**reach_of(home, settings, execution.project_id, requester), "input_map": {}}
    found = fetch_inputs([InputSpec(wanted.input, (wanted.uri,))], **reach, progress=waits_said(home.tell))
    return found.files[0]


def on_demand_config(execution_id: str, files: Iterable[OnDemandFile]) -> dict[str, dict[str, Any]]:
    """Their part of inputs.json, by the input's name."""
    found: dict[str, dict[str, Any]] = {}
    for file in files:
        own = input_id(execution_id, file.input)
        entry: dict[str, Any] = {
            "name": file.name,
            "size": file.size,
            "uri": file.uri,
            "checksums": to_builtins(file.checksums) if file.checksums else {},
            "metadata": [dict(item) for item in file.metadata],
            "input_id": own,
            "download_intent": "on-demand",
        }
        if file.datum_id:
            entry["datum_id"] = file.datum_id
        found.setdefault(file.input, {"files": [], "input_id": own})["files"].append(entry)
    return found


def _where(file: OnDemandFile) -> str:
    return datum_uri(file.datum_id) if file.datum_id else file.storage_uri
