"""What to do about an image that cannot be had or does not suit: lines to paste. Pure."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from localhai.errors import ImageNotFound
from localhai.setting_values import toml_table

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

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
