"""The inputs of an execution by content, before it begins: what the cache and the records know is not fetched."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from localhai.data.inputs import fetch_inputs, resolve_inputs
from localhai.data.missing import input_not_found
from localhai.data.progress import FileAdvanced, Waiting
from localhai.executions.datums import Addresses
from localhai.executions.reading import Reading, access_of
from localhai.executions.reuse.remember import used_file, used_files
from localhai.executions.run.environment import is_set

if TYPE_CHECKING:
    from collections.abc import Sequence

    from localhai.data.cache import Cache
    from localhai.data.files import Checksums, WantedInput
    from localhai.data.progress import ProgressEvent
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
    if specs:
        for name, file in _Inputs(wanted, observer, interruption).files(specs):
            found[name].append(file)
    return [{"name": name, "files": files} for name, files in found.items()]


class _Inputs:
    def __init__(self, wanted: ReuseRequest, observer: Observer, interruption: Interruption) -> None:
        self._wanted = wanted
        self._observer = observer
        self._interruption = interruption
        reading = Reading.of(wanted.home, wanted.settings, wanted.project.id, wanted.options.requester)
        self._addresses = reading.addresses
        self._known, self._keep_all = reading.arguments, wanted.settings.same_names == "all"
        self._refresh = is_set(wanted.plan.environment_variables, "VH_NO_DATA_CACHE")

    def files(self, specs: Sequence[WantedInput]) -> list[tuple[str, dict[str, Any]]]:
        """(input, file) of all of them. One file of unknown content is enough to fetch what is to be fetched."""
        self._addresses.prefetch([uri for spec in specs for uri in spec.uris])
        stopped = self._interruption.is_asked
        resolved = resolve_inputs(
            specs, **self._known, keep_all=self._keep_all, progress=self._advance, cancelled=stopped
        )
        if resolved.missing:
            raise input_not_found(resolved.missing)
        cache = self._wanted.home.data_cache
        known = [(placed, _checksums(placed, cache)) for placed in resolved.placed]
        fetched = any(sums is None and not placed.on_demand for placed, sums in known)
        if fetched or self._refresh:
            return self._fetch(specs)
        return [(placed.input, used_file(placed.name, sums, placed.metadata)) for placed, sums in known]

    def _fetch(self, specs: Sequence[WantedInput]) -> list[tuple[str, dict[str, Any]]]:
        fetched = fetch_inputs(
            specs,
            **self._known,
            keep_all=self._keep_all,
            progress=self._advance,
            cancelled=self._interruption.is_asked,
            refresh=self._refresh,
        )
        return used_files(fetched.files, fetched.on_demand)

    def _advance(self, event: ProgressEvent) -> None:
        if isinstance(event, FileAdvanced):
            self._observer.progress("input", f"{event.input}/{event.name}", event.done, None)
        elif isinstance(event, Waiting):
            self._observer.status(event.reason)


def _checksums(asked: WantedFile, cache: Cache) -> Checksums | None:
    """What is known without a byte being read: a datum's, or those of what the cache has of this very version."""
    if asked.datum is not None:
        return asked.datum.checksums
    entry = asked.cached(cache)
    return None if entry is None else entry.checksums
