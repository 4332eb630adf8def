"""What is remembered of each execution, so that a later one can be it: its key, and what its outputs look like.

Bytes are not read for that. What a file of the store looked like at the end (size, mtime, inode) is remembered; only a
file that looks different is read again, and its checksum decides (`lookup`).
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

from msgspec import Struct

from localhai.executions.reuse.code import content_digest, own_files
from localhai.executions.reuse.key import ValueDigester, key_of, obstacles, parts_of
from localhai.system import private

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from localhai.data.files import Checksums, InputFile, OnDemandFile
    from localhai.executions.home import Home
    from localhai.executions.reuse.key import Parts
    from localhai.executions.run.context import RunContext, RunOptions
    from localhai.executions.run.secrets import Masker
    from localhai.project.plan import ExecutionPlan
    from localhai.project.snapshot import Snapshot
    from localhai.records import DatumRecord, Project
    from localhai.settings import Settings

KEY_FILE = "reuse.key"
_KEY_BYTES = 32


class ReuseRequest(Struct, frozen=True):
    """The execution that is asked for."""

    home: Home
    project: Project
    plan: ExecutionPlan
    snapshot: Snapshot
    settings: Settings
    options: RunOptions
    masker: Masker


def remember(context: RunContext) -> None:
    """Remember an execution by its key, as soon as all that it uses is there."""
    inputs = _used_inputs(context)
    if (
        context.image is None
        or context.snapshot is None
        or context.options.member is not None
        or obstacles(context.plan, inputs)
    ):
        return
    wanted = ReuseRequest(
        context.home, context.project, context.plan, context.snapshot, context.settings, context.options, context.masker
    )
    parts = request_parts(wanted, context.image.digest, inputs)
    context.home.records.reuse.remember_key(context.record.id, key_of(parts), parts)


def _used_inputs(context: RunContext) -> list[dict[str, Any]]:
    """As `look_at_inputs` gives them."""
    found: dict[str, list[dict[str, Any]]] = {item.name: [] for item in context.plan.inputs}
    for name, file in used_files(context.inputs, context.on_demand):
        found[name].append(file)
    return [{"name": name, "files": files} for name, files in found.items()]


def used_files(files: Iterable[InputFile], on_demand: Iterable[OnDemandFile] = ()) -> list[tuple[str, dict[str, Any]]]:
    """(input, file) of what was fetched, as far as reuse asks for it."""
    found: list[InputFile | OnDemandFile] = [*files, *on_demand]
    return [(file.input, used_file(file.name, file.checksums, file.metadata)) for file in found]


def used_file(name: str, sums: Checksums | None, metadata: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """`metadata` is what inputs.json tells the step of a datum."""
    return {
        "name": name,
        "sha256": None if sums is None else sums.sha256,
        "metadata": [dict(item) for item in metadata],
    }


def request_parts(wanted: ReuseRequest, image: str, inputs: list[dict[str, Any]]) -> Parts:
    """The parts of its key. `image` is a digest, `inputs` are `[{name, files}]`."""
    return parts_of(
        wanted.plan,
        code=content_digest(wanted.snapshot.path, own_files(Path(wanted.project.path), wanted.settings.inputs)),
        image=image,
        inputs=inputs,
        secrets=wanted.options.secrets,
        digester=ValueDigester(home_key(wanted.home.folder), wanted.masker),
    )


def home_key(folder: Path) -> bytes:
    """The key of a home for digests of secrets, made when it is first needed; only its owner may read it."""
    return private.kept(folder / KEY_FILE, lambda: os.urandom(_KEY_BYTES))[0]


def states(data: Iterable[DatumRecord]) -> dict[str, list[int]]:
    """Size, mtime and inode of those that are files of this machine, by id."""
    found: dict[str, list[int]] = {}
    for datum in data:
        state = file_state(datum)
        if state is not None:
            found[datum.id] = state
    return found


def remember_outputs(home: Home, execution_id: str, data: Iterable[DatumRecord]) -> None:
    """Keep what the outputs of an execution look like now."""
    found = states(data)
    if found:
        home.records.reuse.remember_outputs(execution_id, found)


def file_state(datum: DatumRecord) -> list[int] | None:
    """Size, mtime and inode; None of what is no file here, or gone."""
    path = file_path(datum)
    if path is None or not path.is_file():
        return None
    found = path.stat()
    return [found.st_size, found.st_mtime_ns, found.st_ino]


def file_path(datum: DatumRecord) -> Path | None:
    """Where its file is on this machine, if it is a file."""
    return None if datum.path is None else Path(datum.path)
