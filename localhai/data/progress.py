"""What a long fetch tells while it goes on. Events come one at a time, from any thread."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeAlias

from msgspec import Struct


class FetchPlanned(Struct, frozen=True):
    """All inputs are resolved and nothing is downloaded yet.

    `files` and `size` (bytes) count everything, `to_download` only the bytes that are not in the cache. Files whose
    size the server does not say are in `files` and count 0 bytes; `unsized` says how many those are.
    """

    files: int
    size: int
    to_download: int
    unsized: int = 0


class FileStarted(Struct, frozen=True):
    """A download starts. `size` is None when the server does not say; `resumed` bytes were here already."""

    input: str
    name: str
    uri: str
    size: int | None
    resumed: int = 0


class FileAdvanced(Struct, frozen=True):
    """`done` bytes of the file are here, those of `resumed` included. It falls back to 0 when a file starts over."""

    input: str
    name: str
    done: int


class FileDone(Struct, frozen=True):
    """The file is in the cache. `cached` means that it was there before and no bytes were copied."""

    input: str
    name: str
    uri: str
    size: int
    cached: bool


class Waiting(Struct, frozen=True):
    """Something makes the fetch wait: another localhai downloads the same file, or a retry is due. `reason` says it.

    `input` and `name` are empty while it is not known yet what files there are; `reason` names the address then.
    """

    input: str
    name: str
    reason: str


ProgressEvent: TypeAlias = FetchPlanned | FileStarted | FileAdvanced | FileDone | Waiting
Progress: TypeAlias = Callable[[ProgressEvent], None]
Cancelled: TypeAlias = Callable[[], bool]


def silent(_event: ProgressEvent) -> None:
    """Progress for those who do not look."""


def waits_said(tell: Callable[[str], None] | None) -> Progress:
    """Progress of which only waits are told."""

    def progress(event: ProgressEvent) -> None:
        if isinstance(event, Waiting) and tell is not None:
            tell(event.reason)

    return progress
