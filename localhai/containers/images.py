"""Images: what a step's image is on this engine, pulled when the policy says so, once for all who ask."""

from __future__ import annotations

from typing import TYPE_CHECKING

from localhai.containers.docker_errors import IMAGE_HINTS
from localhai.containers.locking import alone
from localhai.errors import ImageNotFound

if TYPE_CHECKING:
    from collections.abc import Callable
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
    found = engine.image(reference) if policy != "always" else None
    if found is None:
        if policy == "never":
            raise ImageNotFound(
                f"the image {reference} is not on this engine, and the pull policy is `never`",
                where=reference,
                hints=[f"docker pull {reference}", "or allow it: --pull=missing", *IMAGE_HINTS],
            )
        found = _pull(engine, reference, policy, progress, notify or _ignore, locks)
    warning = mismatch(found, engine.info().architecture)
    if warning and notify is not None:
        notify(warning)
    return found


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
