"""Reuse: an earlier execution that equals the one that is asked for takes its place (platform.md 6).

As a node that reuses does on the platform, whoever asked gets the earlier execution itself: nothing is recorded. Each
execution is remembered by its key, so every one of the project that is complete can be found, in a pipeline or not.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from msgspec import Struct
from msgspec.structs import replace

from localhai.containers import images
from localhai.errors import LocalhaiError, NotReused, SurroundingsError
from localhai.executions.execution import Execution
from localhai.executions.inspect.diff import code_diff
from localhai.executions.reuse.code import code_changes, own_files
from localhai.executions.reuse.explain import code_words, sentences
from localhai.executions.reuse.inputs import look_at_inputs
from localhai.executions.reuse.key import PARTS, key_of, nearest, obstacles
from localhai.executions.reuse.remember import file_path, file_state, request_parts
from localhai.executions.run.environment import is_set

if TYPE_CHECKING:
    from collections.abc import Mapping

    from localhai.containers.engine import Image
    from localhai.executions.home import Home
    from localhai.executions.reuse.key import Parts
    from localhai.executions.reuse.remember import ReuseRequest
    from localhai.executions.run.context import RunContext, RunOptions
    from localhai.executions.run.observer import Observer
    from localhai.executions.run.stop import Interruption
    from localhai.records import DatumRecord
    from localhai.records.reuse import Keyed


class Look(Struct, frozen=True):
    """What came of a look for an earlier execution: the one to take, or why there is none.

    `headline` is a sentence, `reasons` are what stands against it, most of them differences from the nearest one, whose
    counter is `nearest`. No secret is in any of them.
    """

    headline: str
    execution: Execution | None = None
    key: str | None = None
    nearest: int | None = None
    reasons: tuple[str, ...] = ()

    def to_dict(self) -> dict[str, Any]:
        """The key `reuse` of an execution: `hit, key, nearest, reasons`."""
        hit = self.execution is not None
        return {"hit": hit, "key": self.key, "nearest": self.nearest, "reasons": list(self.reasons)}

    def take(self, observer: Observer) -> Execution:
        """The earlier execution, which says of itself that it was reused; for a Look that has one."""
        assert self.execution is not None  # noqa: S101 - the caller has seen it
        observer.status(self.headline)
        observer.looked([self.headline])
        observer.reused(self.execution.to_dict())
        observer.finished(self.execution.to_dict())
        return self.execution

    def require(self, options: RunOptions) -> None:
        """Raises NotReused where nothing may run instead."""
        if options.fail_on_cache_miss:
            raise NotReused(self.headline, reuse=self.to_dict(), hints=self.reasons)

    def tell(self, context: RunContext) -> None:
        """Say why the execution runs, and remember it."""
        context.capture.status(self.headline)
        for reason in self.reasons:
            context.capture.status(f"  {reason}")
        context.observer.looked([self.headline, *self.reasons])
        context.update(reuse=self.to_dict())


def look(wanted: ReuseRequest, observer: Observer, interruption: Interruption) -> Look:
    """Look for an earlier execution. Inputs whose content nobody knows are fetched; nothing is recorded.

    Raises Interrupted, DiskFull and RecordsUnavailable. Other troubles are reasons: the execution runs into them again.
    """
    if wanted.options.member is not None:
        return Look("not reused: members of a distributed task run together")
    try:
        image = _image(wanted, observer, interruption)
        inputs = look_at_inputs(wanted, observer, interruption)
    except SurroundingsError as error:
        return Look("not reused: it cannot start", reasons=(wanted.masker.mask_text(error.message),))
    against = obstacles(wanted.plan, inputs)
    if against:
        return Look("not reused: what it uses is not known", reasons=tuple(map(wanted.masker.mask_text, against)))
    parts = request_parts(wanted, image.digest, inputs)
    return _search(wanted, parts, image, inputs)


def _image(wanted: ReuseRequest, observer: Observer, interruption: Interruption) -> Image:
    always = is_set(wanted.plan.environment_variables, "VH_NO_IMAGE_CACHE")
    return images.ensure(
        wanted.home.engine,
        wanted.plan.image,
        "always" if always else wanted.options.pull,
        progress=lambda event: observer.progress("image", event.image, event.current, event.total or None),
        locks=wanted.home.folder / "cache" / "locks",
        cancelled=interruption.is_asked,
    )


def _search(wanted: ReuseRequest, parts: Parts, image: Image, inputs: list[dict[str, Any]]) -> Look:
    home, key = wanted.home, key_of(parts)
    reasons = []
    for earlier in home.records.reuse.of_key(wanted.project.id, key):
        counter = earlier.execution.counter
        fault = spoiled(home, earlier)
        if fault is None:
            headline = f"reused: execution #{counter} is complete and equals it: {', '.join(PARTS)}"
            found = Look(headline, Execution(home, earlier.execution), key, counter)
            document = {**earlier.execution.document, "reuse": found.to_dict()}
            return replace(found, execution=Execution(home, replace(earlier.execution, document=document)))
        reasons.append(f"execution #{counter} equals it, but {fault}")
    if reasons:
        return Look("not reused: outputs are no longer there", key=key, reasons=tuple(reasons))
    others = home.records.reuse.of_key(wanted.project.id, key, complete=False, limit=1)
    reasons = [f"execution #{item.execution.counter} equals it, but is {item.execution.status}" for item in others]
    return _miss(wanted, parts, image, inputs, reasons)


def _miss(wanted: ReuseRequest, parts: Parts, image: Image, inputs: list[dict[str, Any]], reasons: list[str]) -> Look:
    home, key = wanted.home, key_of(parts)
    earlier = home.records.reuse.keys_of_step(wanted.project.id, wanted.plan.step)
    found = nearest(parts, earlier)
    old = None if found is None else home.records.executions.by_id([found[0]]).get(found[0])
    if found is None or old is None:
        headline = f"not reused: no earlier execution of step {wanted.plan.step} is complete"
        return Look(headline, key=key, reasons=tuple(reasons))
    parameters = wanted.masker.mask_value(dict(wanted.plan.parameters))
    ours = {"image": wanted.plan.image, "image_digest": image.digest, "parameters": parameters, "inputs": inputs}
    theirs = {**old.to_dict(), "parts": dict(earlier)[found[0]]}
    words = sentences(found[1], {**ours, "parts": parts}, theirs, lambda: _code_words(wanted, old.commit))
    headline = f"not reused: the nearest earlier execution is #{old.counter}, which differs"
    return Look(headline, None, key, old.counter, tuple(map(wanted.masker.mask_text, [*reasons, *words])))


def _code_words(wanted: ReuseRequest, old: str | None) -> str:
    new = wanted.snapshot

    def folder_of(identifier: str) -> Path:
        path = new.path if identifier == new.identifier else wanted.home.code_cache / identifier
        if not path.is_dir():
            raise LocalhaiError("the earlier code is not in the cache any more")
        return path

    found = code_diff(old, new.identifier, folder_of)
    if old is not None and found["added"] is not None:
        own = own_files(Path(wanted.project.path), wanted.settings.inputs)
        found |= code_changes(folder_of(old), folder_of(new.identifier), own)
    return code_words(found, old, new.identifier)


def spoiled(home: Home, earlier: Keyed) -> str | None:
    """What is wrong with an output, as the end of a sentence; None where all are as they were."""
    fresh: dict[str, list[int]] = {}
    for datum in earlier.execution.outputs:
        if datum.purged:
            return f"its output {datum.name} was deleted"
        reason = _file_fault(datum, earlier.outputs, fresh) if datum.path is not None else _object_fault(home, datum)
        if reason is not None:
            return f"its output {datum.name} {reason}"
    if fresh:  # touched, but the same: no need to read it again the next time
        home.records.reuse.remember_outputs(earlier.execution.id, {**earlier.outputs, **fresh})
    return None


def _file_fault(datum: DatumRecord, known: Mapping[str, list[int]], fresh: dict[str, list[int]]) -> str | None:
    state = file_state(datum)
    if state is None:
        return "is gone from the store"
    if state == known.get(datum.id):
        return None
    if state[0] != datum.size:
        return "is no longer what it was: its size is another"
    from localhai.data import checksums

    path = file_path(datum)
    try:
        if path is None or checksums.of_file(path).sha256 != datum.sha256:
            return "is no longer what it was: its checksum is another"
    except OSError as error:
        return f"cannot be read: {error.strerror}"
    fresh[datum.id] = state
    return None


def _object_fault(home: Home, datum: DatumRecord) -> str | None:
    """An object carries its checksum as metadata, which whoever writes over it does not set."""
    from localhai.data.store import S3Store
    from localhai.data.uri import parse

    uri, sources = parse(datum.uri), home.sources_for(home.settings)
    try:
        found = S3Store(uri.container, "", sources.s3_clients(), retry=sources.retry).kept(datum.uri)
    except SurroundingsError as error:
        return f"cannot be looked at: {error.message}"
    if found is None:
        return "is gone from the store"
    return None if found == (datum.size, datum.sha256) else "is no longer what it was"
