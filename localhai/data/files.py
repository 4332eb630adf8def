"""What an input asks for and what it got: the nouns that the rest of `data` shares."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from msgspec import Struct

from localhai.vocabulary import KeepDirectories

if TYPE_CHECKING:
    from typing import Protocol

    class WantedInput(Protocol):
        """One input: URIs as written (wildcards allowed) and how its files are laid out (platform.md 4)."""

        @property
        def name(self) -> str: ...
        @property
        def uris(self) -> tuple[str, ...]: ...
        @property
        def keep_directories(self) -> KeepDirectories: ...
        @property
        def filename(self) -> str | None: ...
        @property
        def optional(self) -> bool: ...
        @property
        def on_demand(self) -> bool: ...


class InputSpec(Struct, frozen=True):
    """An input that stands in no plan: a `WantedInput`."""

    name: str
    uris: tuple[str, ...]
    keep_directories: KeepDirectories = "none"
    filename: str | None = None
    optional: bool = False
    on_demand: bool = False


class Checksums(Struct, frozen=True):
    """Hexadecimal digests of one content."""

    md5: str
    sha1: str
    sha256: str


class StoredDatum(Struct, frozen=True):
    """An earlier output, as the records know it. `uri` says where the bytes are (a path of this machine or s3://...)."""

    id: str
    name: str
    size: int
    uri: str
    checksums: Checksums
    metadata: tuple[Mapping[str, Any], ...] = ()


class InputFile(Struct, frozen=True):
    """One file that an execution gets.

    `name` is its path under /valohai/inputs/INPUT with `/` and no way out of it; `uri` is the original for http(s),
    files and object stores, also where a stand-in took its place, and `datum://<id>` for a datum; `path` is the cached
    file on this machine, read-only. `stand_in` is what the `[inputs]` map put in the place of `uri`.
    """

    input: str
    name: str
    uri: str
    size: int
    checksums: Checksums
    path: Path
    datum_id: str | None = None
    metadata: tuple[Mapping[str, Any], ...] = ()
    stand_in: str | None = None


class OnDemandFile(Struct, frozen=True):
    """One file of an on-demand input: listed, not downloaded (platform.md 1.5, 2.4).

    `storage_uri` says where the bytes are; `size` and `checksums` are None when nobody has said them yet. `stand_in`
    is as for InputFile.
    """

    input: str
    name: str
    uri: str
    storage_uri: str
    size: int | None
    checksums: Checksums | None = None
    datum_id: str | None = None
    metadata: tuple[Mapping[str, Any], ...] = ()
    stand_in: str | None = None


class FetchedInputs(Struct, frozen=True):
    """All inputs of one execution. `notes` are sentences for the log: local-only files, stand-ins, clashes of names."""

    files: tuple[InputFile, ...]
    notes: tuple[str, ...] = ()
    on_demand: tuple[OnDemandFile, ...] = ()
