"""From URIs as written to the files that they mean: stand-ins, datums, listings, names. Nothing is downloaded here."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from msgspec import Struct, field
from msgspec.structs import replace

from localhai.data import placement
from localhai.data.access import EVERYTHING, Access
from localhai.data.missing import Missing
from localhai.data.sources.base import Cut, SourceError, SourceFile, Unavailable, gave_up, trouble
from localhai.data.sources.local import LocalSource
from localhai.data.uri import Uri, last_segment, parse
from localhai.data.wanted import Resolved, WantedFile
from localhai.system.credentials import without_secrets
from localhai.system.retry import QUIETLY, Waiter, call
from localhai.vocabulary import ADDRESSES, datum_uri

if TYPE_CHECKING:
    from localhai.data.cache import Cache, CacheEntry
    from localhai.data.files import StoredDatum, WantedInput
    from localhai.data.sources import DataSources
    from localhai.system.retry import Trouble

LOOKS_AT_ONCE = 8


class Resolver(Struct):
    """Looks at sources, several at once, each URI once. The first seven fields are a `Reach`."""

    sources: DataSources
    cache: Cache
    prefetch: Callable[[Sequence[str]], None] | None = None
    datum_lookup: Callable[[str], StoredDatum | None] | None = None
    version_lookup: Callable[[str], Sequence[StoredDatum]] | None = None
    input_map: Mapping[str, str] = field(default_factory=dict)
    access: Access = EVERYTHING
    refresh: bool = False
    keep_all: bool = False
    on_demand: bool = True
    waiter: Waiter = QUIETLY
    _stand_ins: dict[str, str] = field(default_factory=dict)
    _resolved: Resolved = field(default_factory=Resolved)

    def resolve(self, specs: Sequence[WantedInput]) -> Resolved:
        """All files of all inputs, and all that cannot be had."""
        addresses = list(dict.fromkeys(written for spec in specs for written in spec.uris))
        if self.prefetch is not None:
            self.prefetch(addresses)
        for spec in specs:
            for written in spec.uris:
                self._replace(spec, written)
        if len(addresses) < 2:  # noqa: PLR2004 - one needs no threads
            found = {written: self._look_at(written) for written in addresses}
        else:
            from concurrent.futures import ThreadPoolExecutor  # 3 ms that most runs need not spend

            with ThreadPoolExecutor(LOOKS_AT_ONCE, thread_name_prefix="inputs") as pool:
                found = dict(zip(addresses, pool.map(self._look_at, addresses), strict=True))
        for spec in specs:
            if not spec.uris and not spec.optional:
                self._resolved.missing.append(Missing(spec.name, "", "it is required and has no URI"))
            self._place(spec, found)
        return self._resolved

    def _replace(self, spec: WantedInput, written: str) -> None:
        """Take the stand-in of an address, which the owner of localhai.toml chose."""
        target = stand_in(self.input_map, written)
        if target is None or (written not in self.input_map and self._is_here(written)):
            return
        self._stand_ins[written] = target
        self._resolved.note(
            f"input {spec.name}: {without_secrets(written)} is replaced by {target} ([inputs] in localhai.toml)"
        )

    def _is_here(self, text: str) -> bool:
        """Whether it names data of this home by id, as edges of pipelines do: no pattern takes its place."""
        try:
            uri = parse(text)
            if uri.scheme != "datum" or self.datum_lookup is None:
                return False
            found = self.datum_lookup(uri.key)
        except (Unavailable, ValueError):
            return False
        return found is not None and found.id == uri.key

    def _look_at(self, written: str) -> list[WantedFile] | SourceError:
        """A stand-in is followed wherever it leads."""
        target = self._stand_ins.get(written)
        access = self.access if target is None else EVERYTHING
        try:
            uri = parse(written if target is None else target)
            refusal = access.refusal(uri, self.sources.base)
            if refusal is not None:
                return Unavailable(refusal)
            wanted = self._wanted_of(uri, access)
            return wanted if target is None else [_as_written(item, uri, written) for item in wanted]
        except SourceError as error:
            return error
        except ValueError as error:
            return Unavailable(str(error))

    def _wanted_of(self, uri: Uri, access: Access) -> list[WantedFile]:
        if uri.scheme in ADDRESSES and (uri.scheme == "datum" or self.version_lookup is not None):
            return [self._datum(datum) for datum in self._data(uri)]
        source, shown = self.sources.for_scheme(uri.scheme, access), without_secrets(uri.text)
        look: Callable[[Uri], SourceFile | list[SourceFile]] = source.list if uri.has_wildcard else source.stat

        def passing(error: Exception) -> Trouble | None:
            silent = isinstance(error, Unavailable) and error.unreachable
            offline = silent and self._copy_of(uri, access) is not None  # who is offline does not wait
            return None if offline else trouble(error)

        try:
            found = call(
                partial(look, uri),
                passing,
                policy=self.sources.retry,
                waiter=Waiter(lambda reason: self.waiter.tell(f"{shown}: {reason}"), self.waiter.cancelled),
                gave_up=gave_up,
                aside="" if isinstance(source, LocalSource) else f"{shown} was looked at",
            )
        except (Unavailable, Cut) as error:
            return [self._stale(uri, access, error)]
        return [
            WantedFile(
                without_secrets(file.uri),
                self.sources.cache_key(file.uri),
                placement.names_of(file.key, uri, file.given),
                file,
                source,
            )
            for file in (found if isinstance(found, list) else [found])
        ]

    def _copy_of(self, uri: Uri, access: Access) -> CacheEntry | None:
        """Nothing for who may not reach every address: nobody can say by now where the bytes came from."""
        if self.refresh or uri.has_wildcard or access.networks is not None:
            return None
        return self.cache.last(self.sources.cache_key(uri.text))

    def _stale(self, uri: Uri, access: Access, error: Unavailable | Cut) -> WantedFile:
        """What the cache has, for one who works without a network. A server that says no is believed."""
        silent = isinstance(error, Cut) or error.unreachable
        entry = self._copy_of(uri, access) if silent else None
        if entry is None:
            raise error
        key = self.sources.cache_key(uri.text)
        names = placement.names_of(uri.key, uri, entry.given)
        return WantedFile(without_secrets(uri.text), key, names, stale=entry)

    def _data(self, uri: Uri) -> Sequence[StoredDatum]:
        if uri.scheme != "datum":
            return self.version_lookup(uri.text) if self.version_lookup is not None else ()
        datum = self.datum_lookup(uri.key) if self.datum_lookup is not None else None
        if datum is None:
            raise Unavailable("no datum of that id or alias is known here: it may be on the platform")
        return [datum]

    def _datum(self, datum: StoredDatum) -> WantedFile:
        public = datum_uri(datum.id)
        names = placement.names_of(datum.name)
        where = parse(datum.uri)
        if where.scheme == "file":
            path = Path(where.key)
            if not path.is_file() or path.stat().st_size != datum.size:
                raise Unavailable(f"its bytes are gone from the store ({path})")
            return WantedFile(public, public, names, datum=datum, path=path)
        source = self.sources.for_scheme(where.scheme)
        found = SourceFile(datum.uri, where.key, datum.size, version=datum.checksums.sha256)
        return WantedFile(public, public, names, found, source, datum)

    def _place(self, spec: WantedInput, found: Mapping[str, list[WantedFile] | SourceError]) -> None:
        wanted: list[WantedFile] = []
        for written in spec.uris:
            files, text = found[written], self._stand_ins.get(written, written)
            if isinstance(files, SourceError):
                whose = "" if text == written else f"its stand-in {text}: "
                self._resolved.missing.append(Missing(spec.name, written, whose + files.reason))
            elif files:
                wanted += files
            elif spec.optional:
                self._resolved.note(f"input {spec.name}: no file matches {text}; the input is optional")
            else:
                self._resolved.missing.append(Missing(spec.name, written, "no file matches"))
        names = placement.place(
            spec.name,
            [item.names[spec.keep_directories] for item in wanted],
            filename=spec.filename,
            keep_all=self.keep_all,
            note=self._resolved.note,
        )
        for name, item in zip(names, wanted, strict=True):
            if name is not None:
                self._announce(spec, item)
                on_demand = spec.on_demand and self.on_demand
                self._resolved.placed.append(replace(item, input=spec.name, name=name, on_demand=on_demand))

    def _announce(self, spec: WantedInput, wanted: WantedFile) -> None:
        if wanted.found is not None and wanted.found.uri.startswith("file:"):
            path = parse(wanted.found.uri).key
            self._resolved.note(f"input {spec.name}: {path} is a file of this machine: the platform cannot read it")
        if wanted.stale is not None:
            self._resolved.note(f"input {spec.name}: {wanted.uri} does not answer: the copy in the cache is used")


def _as_written(wanted: WantedFile, uri: Uri, written: str) -> WantedFile:
    """By the address that was asked for, where a stand-in takes its place: the part that `*` matched is the same."""
    written = written.strip()
    try:
        asked = parse(written)
    except ValueError:
        return replace(wanted, uri=without_secrets(written), stand_in=wanted.uri)
    shown = written
    if asked.has_wildcard and wanted.found is not None:
        shown = asked.of_key(asked.root + wanted.found.key.removeprefix(uri.root))
    return replace(wanted, uri=without_secrets(shown), stand_in=wanted.uri)


def stand_in(input_map: Mapping[str, str], text: str) -> str | None:
    """What the `[inputs]` map puts in place of a URI; the first pattern that matches counts, an exact one before all.

    `*` in a pattern matches anything. A target that is a folder gets the URI's last part added. A `Resolver` lets no
    pattern replace data of this home that are named by id.
    """
    target = input_map.get(text)
    if target is None:
        target = next((to for pattern, to in input_map.items() if "*" in pattern and _matches(pattern, text)), None)
    if target is not None and "://" not in target and os.path.isdir(target):
        return os.path.join(target, last_segment(text.split("?", 1)[0]))
    return target


def _matches(pattern: str, text: str) -> bool:
    return re.fullmatch(".*".join(map(re.escape, pattern.split("*"))), text, re.DOTALL) is not None
