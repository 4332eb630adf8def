"""Images: what a step's image is on this engine, pulled when the policy says so, once for all who ask.

What to do about one that cannot be had or does not suit is said in lines to paste.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from functools import partial
from typing import TYPE_CHECKING

from msgspec import Struct

from localhai.errors import ImageNotFound, Interrupted
from localhai.setting_values import toml_table
from localhai.system import image_names
from localhai.system.locks import alone
from localhai.system.retry import Retry, Trouble, Waiter, call, never

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from localhai.containers.engine import Engine, Image, PullProgress


PLAIN = "python:3.11-slim"


def cpu_stand_in(image: str) -> str | None:
    """The image of the same name without a GPU, where the name tells that there is one."""
    found = re.sub(r"-?gpu-?", lambda match: "-" if match[0].count("-") > 1 else "", image.partition("@")[0])
    return found if found != image and found and not found.endswith((":", "/")) else None


def image_hints(*images: str) -> tuple[str, ...]:
    """How to go on without them: their names, `--image` and an `[images]` map that can be pasted."""
    pairs = {image: cpu_stand_in(image) or PLAIN for image in dict.fromkeys(images)}
    option = f"for once with another image: --image={next(iter(pairs.values()))}" if len(pairs) == 1 else ""
    lead = "or under [images] in localhai.toml, beside valohai.yaml or in LOCALHAI_HOME (any image on the right):"
    hints = ["check name and tag in valohai.yaml", option, f"{lead}\n{toml_table('images', pairs)}"]
    return tuple(hint for hint in hints if hint)


def images_not_found(missing: Mapping[str, tuple[Sequence[str], ImageNotFound]]) -> ImageNotFound:
    """One error for all of them. `missing` has by image who needs it, and what was said of it."""
    if len(missing) == 1:
        ((_, error),) = missing.values()
        return error
    lines = [f"{', '.join(users)}: {error.message}" for users, error in missing.values()]
    own = image_hints(*missing)
    more = [hint for _, error in missing.values() for hint in error.hints if not hint.startswith(own[0])]
    kept = [hint for hint in dict.fromkeys(more) if "[images]" not in hint and "--image=" not in hint]
    return ImageNotFound("\n  ".join([f"{len(missing)} images cannot be had:", *lines]), hints=[*own, *kept])


RETRY = Retry(attempts=5)


def ensure(
    engine: Engine,
    reference: str,
    policy: str = "missing",
    *,
    progress: Callable[[PullProgress], None] | None = None,
    notify: Callable[[str], None] | None = None,
    locks: Path | None = None,
    cancelled: Callable[[], bool] = never,
) -> Image:
    """The image on the engine, pulled first as `policy` says: `missing`, `always` or `never`.

    However many ask for an image at once, in threads or (with a folder for lock files) in processes, it is pulled
    once. `notify` gets sentences for people: that a pull starts, and that an image is made for another kind of
    processor. A registry that is busy for a moment is asked again. Raises ImageNotFound, and Interrupted as soon as
    `cancelled` says so.
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
        puller = _Puller(engine, reference, progress or _ignore, notify or _ignore, cancelled)
        found = puller.pulled(policy, locks)
    warning = mismatch(found, engine.info().architecture)
    if warning and notify is not None:
        notify(warning)
    return found


def ensure_all(
    engine: Engine,
    needed: Mapping[str, Sequence[str]],
    policy: str = "missing",
    *,
    notify: Callable[[str], None] | None = None,
    locks: Path | None = None,
    cancelled: Callable[[], bool] = never,
) -> None:
    """See to it that images are on the engine; `needed` has by image who needs it.

    Raises ImageNotFound with all that cannot be had, and Interrupted.

    An image that is there is not pulled again, whatever the policy: whoever uses it asks for that.
    """
    missing: dict[str, tuple[Sequence[str], ImageNotFound]] = {}
    for reference, users in needed.items():
        if engine.image(reference) is not None:
            continue
        try:
            ensure(engine, reference, policy, notify=notify, locks=locks, cancelled=cancelled)
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


class _Puller(Struct, frozen=True):
    """Pulls one image, once for all who ask for it."""

    engine: Engine
    reference: str
    progress: Callable[[PullProgress], None]
    notify: Callable[[str], None]
    cancelled: Callable[[], bool]

    def pulled(self, policy: str, locks: Path | None) -> Image:
        engine, reference = self.engine, self.reference
        with nullcontext(False) if locks is None else self._alone(locks) as waited:
            found = engine.image(reference) if policy == "missing" or waited else None
            if found is not None:  # somebody else pulled it while we waited
                return found
            self.notify(f"pulling the image {reference}")
            waiter = Waiter(lambda text: self.notify(f"{reference}: {text}"), self.cancelled)
            return call(
                partial(engine.pull, reference, self._seen),
                _trouble,
                policy=RETRY,
                waiter=waiter,
                gave_up=lambda error, _seen, _tries: error,
                aside=f"the image {reference} was pulled",
            )

    def _alone(self, locks: Path) -> AbstractContextManager[bool]:
        return alone(
            f"pull {self.engine.info().place} {self.reference}",
            locks,
            cancelled=self.cancelled,
            on_wait=lambda: self.notify(f"another localhai pulls the image {self.reference}; waiting for it"),
        )

    def _seen(self, event: PullProgress) -> None:
        if self.cancelled():
            raise Interrupted(f"stopped while the image {self.reference} was pulled")
        self.progress(event)


def _trouble(error: Exception) -> Trouble | None:
    if isinstance(error, ImageNotFound) and error.passing:
        return Trouble("the registry is busy or breaks off")
    return None


def _ignore(_event: object) -> None:
    """Nobody listens."""
