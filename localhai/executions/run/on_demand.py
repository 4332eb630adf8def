"""On-demand inputs: listed when an execution starts, fetched when its code asks for them (platform.md 1.5, 2.4)."""

from __future__ import annotations

import json
import os
import uuid
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from msgspec import Struct, to_builtins

from localhai.data.files import InputSpec
from localhai.executions.reading import Reading, requester_of
from localhai.system import strict_json
from localhai.vocabulary import datum_uri

if TYPE_CHECKING:
    from localhai.data.files import InputFile, OnDemandFile
    from localhai.executions.home import Home
    from localhai.records import ExecutionRecord
    from localhai.settings import Settings

ENDPOINT = "input_request"  # of api.json: without it, on-demand inputs are there beforehand
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


def remember(folder: Path, execution_id: str, files: Iterable[OnDemandFile]) -> None:
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


def fetch(home: Home, settings: Settings, execution: ExecutionRecord, wanted: ListedFile) -> InputFile:
    """Bring one file into the cache. Raises InputNotFound, DiskFull and other SurroundingsErrors."""
    from localhai.data.inputs import fetch_inputs
    from localhai.data.progress import waits_said

    requester = None if wanted.stands_in else requester_of(execution.document)
    reading = Reading.of(home, settings, execution.project_id, requester)
    arguments = {**reading.arguments, "input_map": {}, "progress": waits_said(home.tell)}
    found = fetch_inputs([InputSpec(wanted.input, (wanted.uri,))], **arguments)
    return found.files[0]


def config(execution_id: str, files: Iterable[OnDemandFile]) -> dict[str, dict[str, Any]]:
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
