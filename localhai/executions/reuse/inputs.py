"""The inputs of an execution by content, before it begins: what the cache and the records know is not fetched."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from localhai.data.inputs import fetch_inputs, resolve_inputs
from localhai.data.missing import input_not_found
from localhai.data.progress import FileAdvanced, Waiting
from localhai.executions.datums import Addresses
from localhai.executions.reading import access_of, reach_of
from localhai.executions.reuse.remember import used_file, used_files
from localhai.executions.run.environment import is_set

if TYPE_CHECKING:
    from collections.abc import Sequence

    from localhai.data.cache import Cache
    from localhai.data.files import Checksums, WantedInput
    from localhai.data.progress import Cancelled, Progress, ProgressEvent
    from localhai.data.wanted import WantedFile
    from localhai.executions.reuse.remember import ReuseRequest
    from localhai.executions.run.observer import Observer
    from localhai.executions.run.stop import Interruption


def look_at_inputs(wanted: ReuseRequest, observer: Observer, interruption: Interruption) -> list[dict[str, Any]]:
    """`[{name, files: [{name, sha256, metadata}]}]` as valohai.yaml has them; sha256 None: on demand and not known.

    Raises InputNotFound, DiskFull and Interrupted.
    """
    readable = access_of(wanted.home, wanted.options.requester).projects
    addresses = Addresses(wanted.home.records, wanted.project.id, wanted.options.resolved, readable=readable)
    plan, _ = addresses.freeze(wanted.plan, wanted.settings.inputs)
    found: dict[str, list[dict[str, Any]]] = {item.name: [] for item in plan.inputs}
    specs = [item for item in plan.inputs if item.uris]
    for name, file in _files(wanted, specs, _telling(observer), interruption.is_asked) if specs else ():
        found[name].append(file)
    return [{"name": name, "files": files} for name, files in found.items()]


def _files(
    wanted: ReuseRequest, specs: Sequence[WantedInput], progress: Progress, cancelled: Cancelled
) -> list[tuple[str, dict[str, Any]]]:
    """(input, file) of all of them. One file of unknown content is enough to fetch what is to be fetched."""
    reach = reach_of(wanted.home, wanted.settings, wanted.project.id, wanted.options.requester)
    keep_all = wanted.settings.same_names == "all"
    refresh = is_set(wanted.plan.environment_variables, "VH_NO_DATA_CACHE")
    resolved = resolve_inputs(specs, **reach, keep_all=keep_all, progress=progress, cancelled=cancelled)
    if resolved.missing:
        raise input_not_found(resolved.missing)
    known = [(placed, _checksums(placed, reach["cache"])) for placed in resolved.placed]
    if not refresh and all(sums is not None or placed.on_demand for placed, sums in known):
        return [(placed.input, used_file(placed.name, sums, placed.metadata)) for placed, sums in known]
    fetched = fetch_inputs(specs, **reach, keep_all=keep_all, progress=progress, cancelled=cancelled, refresh=refresh)
    return used_files(fetched.files, fetched.on_demand)


def _telling(observer: Observer) -> Progress:
    def progress(event: ProgressEvent) -> None:
        if isinstance(event, FileAdvanced):
            observer.progress("input", f"{event.input}/{event.name}", event.done, None)
        elif isinstance(event, Waiting):
            observer.status(event.reason)

    return progress


def _checksums(asked: WantedFile, cache: Cache) -> Checksums | None:
    """What is known without a byte being read: a datum's, or those of what the cache has of this very version."""
    if asked.datum is not None:
        return asked.datum.checksums
    entry = asked.cached(cache)
    return None if entry is None else entry.checksums
