"""Images: what a step's image is on this engine, pulled when the policy says so, once for all who ask."""

from __future__ import annotations

from typing import TYPE_CHECKING

from localhai.containers.image_advice import image_hints, images_not_found
from localhai.containers.locking import alone
from localhai.errors import ImageNotFound
from localhai.system import image_names

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

    from localhai.containers.engine import Engine, Image, PullProgress


def ensure(
    engine: Engine,
    reference: str,
    policy: str = "missing",
    *,
    progress: Callable[[PullProgress], None] | None = None,
    notify: Callable[[str], None] | None = None,
    locks: Path | None = None,
) -> Image:
    """The image on the engine, pulled first as `policy` says: `missing`, `always` or `never`.

    However many ask for an image at once, in threads or (with a folder for lock files) in processes, it is pulled
    once. `notify` gets sentences for people: that a pull starts, and that an image is made for another kind of
    processor. Raises ImageNotFound.
    """
    fault = image_names.fault(reference)
    if fault is not None:
        raise ImageNotFound(
            f"{reference!r} is no name of an image: {fault}", where=reference, hints=image_hints(reference)
        )
    found = engine.image(reference) if policy != "always" else None
    if found is None:
        if policy == "never":
            raise ImageNotFound(
                f"the image {reference} is not on this engine, and the pull policy is `never`",
                where=reference,
                hints=[f"docker pull {reference}", "or allow it: --pull=missing", *image_hints(reference)],
            )
        found = _pull(engine, reference, policy, progress, notify or _ignore, locks)
    warning = mismatch(found, engine.info().architecture)
    if warning and notify is not None:
        notify(warning)
    return found


def ensure_all(
    engine: Engine,
    needed: Mapping[str, Sequence[str]],
    policy: str = "missing",
    *,
    progress: Callable[[PullProgress], None] | None = None,
    notify: Callable[[str], None] | None = None,
    locks: Path | None = None,
) -> None:
    """See to it that images are on the engine; `needed` has by image who needs it. Raises ImageNotFound with all.

    An image that is there is not pulled again, whatever the policy: whoever uses it asks for that.
    """
    missing: dict[str, tuple[Sequence[str], ImageNotFound]] = {}
    for reference, users in needed.items():
        if engine.image(reference) is not None:
            continue
        try:
            ensure(engine, reference, policy, progress=progress, notify=notify, locks=locks)
        except ImageNotFound as error:
            missing[reference] = (users, error)
    if missing:
        raise images_not_found(missing)


def mismatch(image: Image, architecture: str) -> str | None:
    """A sentence when an image is made for another kind of processor than the engine's."""
    if not image.architecture or not architecture or image.architecture == architecture:
        return None
    return (
        f"the image {image.reference} is made for {image.architecture}, and this engine runs {architecture}: "
        "it is emulated, which is slow, or does not start at all"
    )


def _pull(
    engine: Engine,
    reference: str,
    policy: str,
    progress: Callable[[PullProgress], None] | None,
    notify: Callable[[str], None],
    locks: Path | None,
) -> Image:
    with alone(f"pull {engine.info().place} {reference}", locks) as waited:
        found = engine.image(reference) if policy == "missing" or waited else None
        if found is not None:  # somebody else pulled it while we waited
            return found
        notify(f"pulling the image {reference}")
        return engine.pull(reference, progress)


def _ignore(_text: str) -> None:
    """Nobody listens."""
