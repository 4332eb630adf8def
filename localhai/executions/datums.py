"""Addresses of data in inputs: `datum://`, `dataset://`, `model://` (platform.md 4.1).

They are resolved when an execution is created, and frozen: what an alias means later does not change it. What cannot
be resolved stays as it is written, for the one error that names all missing inputs.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from msgspec import Struct, field
from msgspec.structs import replace

from localhai.data.files import Checksums, StoredDatum
from localhai.data.resolving import stand_in
from localhai.data.sources.base import Unavailable
from localhai.data.uri import parse
from localhai.vocabulary import ADDRESSES, datum_uri, has_scheme, without_scheme

if TYPE_CHECKING:
    from localhai.project.plan import ExecutionPlan, PlannedInput
    from localhai.records import DatumRecord, Records
    from localhai.records.versions import Noun, Version

MOST_NAMES = 10


class Resolution(Struct, frozen=True):
    """What an address in an input meant: the data, and for a dataset or a model the version."""

    input: str
    uri: str
    version: str | None
    data: tuple[str, ...]

    def __str__(self) -> str:
        if self.version is None:
            return f"input {self.input}: {self.uri} is {datum_uri(self.data[0])}"
        named = "" if self.version == self.uri else f" is {self.version}:"
        files = "1 file" if len(self.data) == 1 else f"{len(self.data)} files"
        return f"input {self.input}: {self.uri}{named or ':'} {files}"

    def to_dict(self) -> dict[str, object]:
        """`input, uri, version, data`."""
        return {"input": self.input, "uri": self.uri, "version": self.version, "data": list(self.data)}


class Addresses(Struct):
    """The data that addresses mean in one project. `resolved`: what some of them are to mean whatever they do now.

    `readable` are the projects whose data may be read by who asks, None all: others are said not to be there.
    """

    records: Records
    project_id: str
    resolved: Sequence[Mapping[str, Any]] = ()
    readable: frozenset[str] | None = None
    _known: dict[str, DatumRecord] = field(default_factory=dict)

    def freeze(self, plan: ExecutionPlan, stand_ins: Mapping[str, str]) -> tuple[ExecutionPlan, tuple[Resolution, ...]]:
        """The plan with data by their ids. An address with a stand-in stays: the stand-in takes its place."""
        resolutions: list[Resolution] = []
        inputs = tuple(self._frozen(item, stand_ins, resolutions) for item in plan.inputs)
        return (replace(plan, inputs=inputs), tuple(resolutions)) if resolutions else (plan, ())

    def prefetch(self, uris: Sequence[str]) -> None:
        """Look up many data at once, which `datum` then knows."""
        ids = [without_scheme(uri) for uri in uris if has_scheme(uri)]  # as nearly all are written
        self._known |= self.records.data.by_id(ids) if ids else {}

    def datum(self, reference: str) -> StoredDatum:
        """By id or alias. Raises Unavailable, in words."""
        return _stored(self._datum(reference))

    def files(self, address: str) -> list[StoredDatum]:
        """The files of a dataset version or model version. Raises Unavailable, in words."""
        return [_stored(file) for file in self._version(address).files]

    def _frozen(self, item: PlannedInput, stand_ins: Mapping[str, str], resolutions: list[Resolution]) -> PlannedInput:
        uris: list[str] = []
        for uri in item.uris:
            found = None if stand_in(stand_ins, uri) is not None else self._resolve(item.name, uri)
            if found is None or not found.data:
                uris.append(uri)
                continue
            uris += [datum_uri(datum_id) for datum_id in found.data]
            if uris[-1:] != [uri]:
                resolutions.append(found)
        return replace(item, uris=tuple(uris))

    def _resolve(self, name: str, uri: str) -> Resolution | None:
        earlier = next((item for item in self.resolved if item["uri"] == uri), None)
        if earlier is not None:
            return Resolution(name, uri, earlier["version"], tuple(earlier["data"]))
        try:
            scheme = parse(uri).scheme
            if scheme not in ADDRESSES:
                return None
            if scheme == "datum":
                return Resolution(name, uri, None, (self._datum(parse(uri).key).id,))
            version = self._version(uri)
        except (Unavailable, ValueError):
            return None
        return Resolution(name, uri, version.uri, tuple(file.id for file in version.files))

    def _datum(self, reference: str) -> DatumRecord:
        found = self._known.get(reference) or self.records.data.by_id([reference]).get(reference)
        if found is None:
            alias = self.records.aliases.get(self.project_id, reference)
            found = None if alias is None else self.records.data.by_id([alias.datum_id]).get(alias.datum_id)
        if found is None or not self._may_read(found):
            raise Unavailable("no datum of that id or alias is known here: it may be on the platform")
        if found.purged:
            raise Unavailable(f"the bytes of that datum ({found.name}) were deleted")
        return found

    def _may_read(self, datum: DatumRecord) -> bool:
        return self.readable is None or datum.project_id in self.readable

    def _version(self, address: str) -> Version:
        uri = parse(address)
        noun: Noun = "dataset" if uri.scheme == "dataset" else "model"
        name, _, reference = uri.key.partition("/")
        if not name or "/" in reference or (noun == "dataset" and not reference):
            raise Unavailable(f"{noun}://NAME/VERSION is needed, where VERSION may be an alias or latest")
        found = self.records.versions.find(self.project_id, noun, name, reference or None)
        if found is None:
            raise Unavailable(self._unknown(noun, name, reference))
        purged = [file.name for file in found.files if file.purged]
        if purged:
            raise Unavailable(f"files of {found.uri} were deleted: {_some(purged)}")
        if not found.files:
            raise Unavailable(f"{found.uri} has no files")
        if not all(map(self._may_read, found.files)):
            raise Unavailable(f"{found.uri} has files of another project that are not yours to read")
        return found

    def _unknown(self, noun: Noun, name: str, reference: str) -> str:
        known = [item.name for item in self.records.versions.parents(self.project_id, noun)]
        if name not in known:
            listed = f"; known: {_some(known)}" if known else ""
            return f"no {noun} of that name is known here: it may be on the platform{listed}"
        versions = self.records.versions.list(self.project_id, noun, name)
        names = [word for version in versions for word in (version.name, *version.aliases)]
        return f"the {noun} {name} has no version or alias {reference!r}; known: {_some(names)}"


def _some(names: Sequence[str]) -> str:
    more = f" and {len(names) - MOST_NAMES} more" if len(names) > MOST_NAMES else ""
    return ", ".join(names[:MOST_NAMES]) + more


def _stored(datum: DatumRecord) -> StoredDatum:
    return StoredDatum(
        id=datum.id,
        name=datum.name,
        size=datum.size,
        uri=datum.uri,
        checksums=Checksums(datum.md5, datum.sha1, datum.sha256),
        metadata=datum.properties,
    )
