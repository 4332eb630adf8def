"""Images of steps and endpoints."""

from __future__ import annotations

from typing import TYPE_CHECKING

from localhai.project.sentences import quoted
from localhai.system import image_names

if TYPE_CHECKING:
    from localhai.project.checks.findings import Findings
    from localhai.project.checks.items import Item


def check(item: Item, findings: Findings) -> None:
    """A warning, as `[images]` may put another one in its place: what is left is refused where it is to run."""
    image = str(item.data["image"])
    reason = image_names.fault(image)
    if reason is not None:
        message = f"{quoted(image)} is no name of an image: {reason}"
        findings.warning((*item.path, "image"), message, "no-image-name", hint="such as python:3.11-slim")
