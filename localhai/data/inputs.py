"""All inputs of one execution: resolved, fetched into the cache, named (platform.md 4)."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

from localhai.data.disk import require_room
from localhai.data.fetching import Fetcher
from localhai.data.files import FetchedInputs, InputFile, OnDemandFile
from localhai.data.missing import Missing, input_not_found
from localhai.data.progress import FetchPlanned, FileDone, Waiting, silent
from localhai.data.resolving import Resolver
from localhai.errors import Interrupted
from localhai.system.retry import Waiter, never

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from concurrent.futures import Future

    from typing_extensions import Unpack

    from localhai.data.cache import CacheEntry
    from localhai.data.files import WantedInput
    from localhai.data.pins import Pins
    from localhai.data.progress import Cancelled, Progress, ProgressEvent
    from localhai.data.wanted import Reach, Resolved, WantedFile

FILES_AT_ONCE = 4


def fetch_inputs(
    specs: Sequence[WantedInput],
    *,
    progress: Progress = silent,
    cancelled: Cancelled = never,
    refresh: bool = False,
    keep_all: bool = False,
    on_demand: bool = True,
    pins: Pins | None = None,
    **reach: Unpack[Reach],
) -> FetchedInputs:
    """Every file of every input, in the cache, with its name under the input's folder and its checksums.

    `refresh` is VH_NO_DATA_CACHE (platform.md 2.3): what is cached does not count, and is written again. With
    `keep_all` several files of one name are kept apart by a number before it, instead of the last alone. Without
    `on_demand` inputs that may be asked for later are fetched as all others. `cancelled` is asked often and from any
    thread; `progress` gets one event at a time. While `pins` are not closed nobody cleans the files away; without any,
    they are safe until this returns.

    Raises InputNotFound with all that cannot be had, DiskFull and Interrupted. What came until then stays in the cache
    or is kept to be resumed.
    """
    cache = reach["cache"]
    cache.enter()
    progress = _one_at_a_time(progress)
    waiter = Waiter(lambda reason: progress(Waiting("", "", reason)), cancelled)
    resolver = Resolver(**reach, refresh=refresh, keep_all=keep_all, on_demand=on_demand, waiter=waiter)
    resolved = resolver.resolve(specs)
    if resolved.missing:
        raise input_not_found(resolved.missing)
    stop = threading.Event()
    held = pins or cache.pins()
    fetcher = Fetcher(
        cache=cache,
        progress=progress,
        cancelled=lambda: stop.is_set() or cancelled(),
        refresh=refresh,
        retry=reach["sources"].retry,
        pins=held,
    )
    wanted = [placed for placed in resolved.placed if not placed.on_demand]
    try:
        entries = _fetch_all(wanted, fetcher, stop)
    finally:
        if pins is None:
            held.close()
    return FetchedInputs(
        files=tuple(_input_file(placed, entries) for placed in wanted),
        notes=tuple(resolved.notes),
        on_demand=tuple(_on_demand_file(placed) for placed in resolved.placed if placed.on_demand),
    )


def resolve_inputs(
    specs: Sequence[WantedInput],
    *,
    progress: Progress = silent,
    cancelled: Cancelled = never,
    keep_all: bool = False,
    **reach: Unpack[Reach],
) -> Resolved:
    """What the inputs mean and what cannot be had, without downloading. Raises Interrupted alone.

    `progress` hears of waits for sources that are busy or away; the rest as for `fetch_inputs`.
    """
    progress = _one_at_a_time(progress)
    waiter = Waiter(lambda reason: progress(Waiting("", "", reason)), cancelled)
    return Resolver(**reach, keep_all=keep_all, waiter=waiter).resolve(specs)


def _one_at_a_time(progress: Progress) -> Progress:
    lock = threading.Lock()

    def serialised(event: ProgressEvent) -> None:
        with lock:
            progress(event)

    return serialised


def _fetch_all(placed: Sequence[WantedFile], fetcher: Fetcher, stop: threading.Event) -> dict[str, CacheEntry]:
    """Entries by cache key; each key is fetched once, however many inputs want it."""
    unique = {item.key: item for item in placed if item.path is None}
    _announce(placed, unique, fetcher)
    if len(unique) < 2:  # noqa: PLR2004 - one needs no threads
        return {key: fetcher.fetch(item) for key, item in unique.items()}
    from concurrent.futures import FIRST_EXCEPTION, ThreadPoolExecutor, wait  # 3 ms that most runs need not spend

    with ThreadPoolExecutor(FILES_AT_ONCE, thread_name_prefix="inputs") as pool:
        futures = {key: pool.submit(fetcher.fetch, item) for key, item in unique.items()}
        try:
            wait(futures.values(), return_when=FIRST_EXCEPTION)
        finally:
            if not all(future.done() and future.exception() is None for future in futures.values()):
                stop.set()
                pool.shutdown(cancel_futures=True)
    _raise_failures(list(futures.values()))
    return {key: future.result() for key, future in futures.items()}


def _announce(placed: Sequence[WantedFile], unique: Mapping[str, WantedFile], fetcher: Fetcher) -> None:
    """Say the whole size before anything starts, and refuse at once what the disk cannot hold."""
    absent = [item for item in unique.values() if fetcher.cached(item) is None]
    missing = sum(fetcher.missing_bytes(item) for item in absent)
    fetcher.progress(
        FetchPlanned(
            files=len(placed),
            size=sum(item.size or 0 for item in placed),
            to_download=missing,
            unsized=sum(item.found is not None and item.found.size is None for item in placed),
        )
    )
    shareable = all(item.found is None or item.found.uri.startswith("file:") for item in absent)
    if not shareable:
        require_room(fetcher.cache.folder, missing, "the inputs")
    for item in placed:
        if item.path is not None:
            fetcher.progress(FileDone(item.input, item.name, item.uri, item.size or 0, cached=True))


def _raise_failures(futures: Sequence[Future[CacheEntry]]) -> None:
    failures = [error for future in futures if not future.cancelled() and (error := future.exception())]
    if not failures:
        return
    missing = [entry for error in failures for entry in getattr(error, "missing", ())]
    other = [error for error in failures if not hasattr(error, "missing") and not isinstance(error, Interrupted)]
    if other:
        raise other[0]
    if missing:
        raise input_not_found([Missing(*entry) for entry in missing])
    raise failures[0]


def _input_file(wanted: WantedFile, entries: Mapping[str, CacheEntry]) -> InputFile:
    datum = wanted.datum
    if datum is not None and wanted.path is not None:
        size, checksums, path = datum.size, datum.checksums, wanted.path
    else:
        entry = entries[wanted.key]
        size, checksums, path = entry.size, entry.checksums, entry.path
    return InputFile(
        input=wanted.input,
        name=wanted.name,
        uri=wanted.uri,
        size=size,
        checksums=checksums,
        path=path,
        datum_id=datum.id if datum else None,
        metadata=wanted.metadata,
        stand_in=wanted.stand_in,
    )


def _on_demand_file(wanted: WantedFile) -> OnDemandFile:
    datum, found, stale = wanted.datum, wanted.found, wanted.stale
    return OnDemandFile(
        input=wanted.input,
        name=wanted.name,
        uri=wanted.uri,
        storage_uri=datum.uri if datum else found.uri if found else wanted.uri,
        size=wanted.size,
        checksums=datum.checksums if datum else stale.checksums if stale else None,
        datum_id=datum.id if datum else None,
        metadata=wanted.metadata,
        stand_in=wanted.stand_in,
    )
