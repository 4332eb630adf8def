"""What inputs mean: the files that are to be had, and with what their addresses are resolved."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from msgspec import Struct, field

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from typing import TypedDict

    from typing_extensions import Required

    from localhai.data.access import Access
    from localhai.data.cache import Cache, CacheEntry
    from localhai.data.files import StoredDatum
    from localhai.data.missing import Missing
    from localhai.data.placement import Names
    from localhai.data.sources import DataSources
    from localhai.data.sources.base import Source, SourceFile

    class Reach(TypedDict, total=False):
        """What addresses are resolved with, the same for one who asks.

        `prefetch` is told all addresses first, for one look at all data. `datum_lookup` gives the datum of an id or an
        alias, `version_lookup` the data of a `dataset://` or `model://` address; both may raise Unavailable, in words.
        `input_map` is the `[inputs]` map of localhai.toml, `access` what the addresses of whoever asks may reach (a
        stand-in is its owner's choice, and not judged by it).
        """

        sources: Required[DataSources]
        cache: Required[Cache]
        prefetch: Callable[[Sequence[str]], None] | None
        datum_lookup: Callable[[str], StoredDatum | None] | None
        version_lookup: Callable[[str], Sequence[StoredDatum]] | None
        input_map: Mapping[str, str]
        access: Access


class WantedFile(Struct, frozen=True):
    """One file that is to be had.

    `source` and `found` say where from; both are None when `path` holds the bytes already (a datum of the local
    store). `stale` is what the cache has while the server does not answer. `uri` is the address that was asked for,
    also where a stand-in takes its place (`stand_in` is that). `names` are what it may be called; `input` and `name`
    its place, once it has one.
    """

    uri: str
    key: str
    names: Names
    found: SourceFile | None = None
    source: Source | None = None
    datum: StoredDatum | None = None
    path: Path | None = None
    stale: CacheEntry | None = None
    stand_in: str | None = None
    input: str = ""
    name: str = ""
    on_demand: bool = False

    @property
    def size(self) -> int | None:
        """Bytes, as far as it is known."""
        known = self.datum or self.stale or self.found
        return known.size if known is not None else None

    @property
    def metadata(self) -> tuple[Mapping[str, Any], ...]:
        """Those of a datum."""
        return self.datum.metadata if self.datum is not None else ()

    def cached(self, cache: Cache) -> CacheEntry | None:
        """What the cache has, when it is what the source has now; no bytes are moved."""
        if self.stale is not None or self.found is None or self.found.version is None:
            return self.stale
        entry = cache.last(self.key)
        return entry if entry is not None and self.found.is_version(entry.version) else None


class Resolved(Struct):
    """Everything that all inputs mean."""

    placed: list[WantedFile] = field(default_factory=list)
    missing: list[Missing] = field(default_factory=list)
    said: dict[str, None] = field(default_factory=dict)

    @property
    def notes(self) -> list[str]:
        """Sentences for the log, each once."""
        return list(self.said)

    def note(self, text: str) -> None:
        """Say something once."""
        self.said[text] = None
