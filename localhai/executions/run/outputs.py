"""At the end: what a step left in outputs becomes data (platform.md 5). Checksums, store, properties, aliases.

Secrets that a step put into the names of its outputs, or into what it says about them, do not stay there.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from datetime import datetime, timezone
from pathlib import Path
from typing import TYPE_CHECKING, Any

from msgspec import Struct, convert, field, to_builtins
from msgspec.structs import replace

from localhai.containers.trees import ownership
from localhai.data import outputs
from localhai.data.sidecars import OutputProperties
from localhai.records import DatumRecord, new_id
from localhai.records.versions import VersionRequest  # noqa: TC001  # msgspec reads what is stored by it
from localhai.system.retry import Waiter
from localhai.system.text import file_name

if TYPE_CHECKING:
    from localhai.data.files import Checksums
    from localhai.data.outputs import OutputFile
    from localhai.executions.run.context import RunContext
    from localhai.executions.run.secrets import Masker


class Collected(Struct, frozen=True):
    """The data of one execution, not yet recorded, and the aliases and versions that shall hold them.

    `said` are the sentences about versions that stand in the log already.
    """

    data: tuple[DatumRecord, ...] = ()
    aliases: dict[str, str] = field(default_factory=dict)
    versions: tuple[VersionRequest, ...] = ()
    said: tuple[str, ...] = ()


def collect(context: RunContext) -> Collected:
    """Move every output into the store, live ones first. What cannot be kept is said in the log.

    Raises DiskFull, and SurroundingsError when the store does not answer; outputs then stay where they are.
    """
    for name in _mask_names(context.folder / "outputs", context.masker):
        context.capture.status(f"Outputs: a name held a secret: it is kept as {name!r}")
    live = [_live_file(path, context.scratch / "live", context.masker) for path in context.live_outputs]
    scan = outputs.scan(context.folder / "outputs", uploaded={file.name for file in live})
    for skipped in scan.skipped:
        context.capture.status(f"Output {skipped.name} is skipped: it is {skipped.reason}")
    for warning in scan.warnings:
        context.capture.status(f"Outputs: {warning}")
    ownership.disarm(str(context.folder / "outputs"))
    files = [(file, scan.late.get(file.name)) for file in live] + [(file, file.properties) for file in scan.files]
    return _store(context, [(file, _masked(said, context.masker)) for file, said in files])


def _live_file(path: Path, root: Path, masker: Masker) -> OutputFile:
    number, *parts = path.relative_to(root).parts
    del number
    status = path.stat()
    return outputs.OutputFile(masker.mask_text(file_name("/".join(parts))), path, status.st_size, status.st_mtime)


def _store(context: RunContext, files: Sequence[tuple[OutputFile, OutputProperties | None]]) -> Collected:
    if not files:
        return Collected()
    from localhai.data import checksums

    asked = context.interruption.level
    sums = checksums.of_files([file.path for file, _ in files], cancelled=lambda: context.interruption.level > asked)
    prefix = (
        f"{context.project.id}/{context.record.id}"  # the platform's layout is unconfirmed; this one cannot collide
    )
    keys = _keys(prefix, [file.name for file, _ in files])
    named = [(file.path, key, sums[file.path]) for (file, _), key in zip(files, keys, strict=True)]
    uris = context.home.store.put_all(named, waiter=_waiter(context))
    data: list[DatumRecord] = []
    aliases: dict[str, str] = {}
    for (file, properties), uri in zip(files, uris, strict=True):
        datum = _datum(file, properties, sums[file.path], uri)
        data.append(datum)
        if properties is not None and properties.alias:
            aliases[properties.alias] = datum.id
    wanted, said = _versions(context, list(zip(data, (properties for _, properties in files), strict=True)))
    return Collected(tuple(data), aliases, wanted, said)


def _keys(prefix: str, names: Sequence[str]) -> list[str]:
    """Of several of one name, uploaded while it ran, all are kept."""
    seen: dict[str, int] = {}
    keys = []
    for name in names:
        again = seen[name] = seen.get(name, -1) + 1
        keys.append(f"{prefix}/.again-{again}/{name}" if again else f"{prefix}/{name}")
    return keys


def _versions(
    context: RunContext, outputs: Sequence[tuple[DatumRecord, OutputProperties | None]]
) -> tuple[tuple[VersionRequest, ...], tuple[str, ...]]:
    """The versions that outputs ask for, and what stands against them, which is said in the log."""
    if not any(said and (said.dataset_versions or said.model_versions) for _, said in outputs):
        return (), ()
    from localhai.executions.run.versions import requests  # most executions make none

    wanted, warnings = requests(outputs)
    foreseen = tuple(context.home.records.versions.foresee(context.project.id, wanted))
    for warning in (*warnings, *foreseen):
        context.capture.status(f"Outputs: {warning}")
    return wanted, foreseen


def _datum(file: OutputFile, properties: OutputProperties | None, sums: Checksums, uri: str) -> DatumRecord:
    return DatumRecord(
        id=new_id(),
        name=file.name,
        size=file.size,
        ctime=datetime.fromtimestamp(file.mtime, timezone.utc).isoformat().replace("+00:00", "Z"),
        uri=uri,
        md5=sums.md5,
        sha1=sums.sha1,
        sha256=sums.sha256,
        tags=properties.tags if properties else (),
        properties=_properties(properties),
    )


def _waiter(context: RunContext) -> Waiter:
    """A store that is away for a moment is waited for, until somebody asks to stop from now on."""
    asked = context.interruption.level
    return Waiter(context.capture.status, lambda: context.interruption.level > asked)


def _properties(properties: OutputProperties | None) -> tuple[dict[str, Any], ...]:
    """The metadata that a later execution sees in inputs.json, as they were written: a list of objects."""
    return (dict(properties.written),) if properties is not None and properties.written else ()


def _mask_names(folder: Path, masker: Masker) -> list[str]:
    """Give files and folders with a secret in their names masked ones; these, relative to `folder`. Raises OSError."""
    renamed = []
    if masker:
        for here, folders, files in os.walk(os.fsencode(folder), topdown=False):
            for name in (*files, *folders):
                wanted = masker.mask(name)
                if wanted != name:
                    free = _free(here, wanted)
                    os.rename(os.path.join(here, name), os.path.join(here, free))
                    renamed.append(os.fsdecode(os.path.relpath(os.path.join(here, free), os.fsencode(folder))))
    return renamed


def _free(here: bytes, wanted: bytes) -> bytes:
    """The name, with a number before its suffixes where several come to the same one."""
    name, number = wanted, 1
    while os.path.lexists(os.path.join(here, name)):
        number += 1
        stem, dot, suffixes = wanted.partition(b".")
        name = b"%s-%d%s%s" % (stem, number, dot, suffixes)
    return name


def _masked(said: OutputProperties | None, masker: Masker) -> OutputProperties | None:
    """What a step says about an output, masked."""
    if said is None or not masker:
        return said
    masked = convert(masker.mask_value(to_builtins(said)), OutputProperties)
    own = {name: masker.mask_value(getattr(said, name), keys=True) for name in ("properties", "written")}
    return replace(masked, **own)
