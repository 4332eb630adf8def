"""The images that a pipeline needs, looked at before its first node: an hour of work is no place to learn of a typo."""

from __future__ import annotations

from typing import TYPE_CHECKING

from localhai.containers import images
from localhai.project.planning import stand_in_image

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator

    from localhai.executions.run.stop import Interruption
    from localhai.pipelines.plan import Node, PipelinePlan
    from localhai.pipelines.sources import Sources


def needed_images(sources: Sources, plan: PipelinePlan, known: Collection[str]) -> dict[str, list[str]]:
    """By image the nodes that need it, as they are to be named; nodes that are `known` need none."""
    found: dict[str, list[str]] = {}
    for node in plan.nodes:
        for image in () if node.name in known else _images_of(sources, node):
            users = found.setdefault(stand_in_image(image, sources.project.settings.images), [])
            users.append(f"node {node.name}")
    return found


def _images_of(sources: Sources, node: Node) -> Iterator[str]:
    if node.step is not None:
        yield str(sources.node_config(node).config.steps[node.step].image)
    endpoints = sources.config(node.commit).config.endpoints if node.endpoints else {}
    yield from (str(endpoints[name].image) for name in node.endpoints if name in endpoints)


def look_at_images(
    sources: Sources,
    plan: PipelinePlan,
    known: Collection[str],
    *,
    policy: str,
    say: Callable[[str], None],
    interruption: Interruption,
) -> None:
    """Pull what is missing. Raises ImageNotFound with every image that cannot be had, Interrupted."""
    home = sources.project.home
    locks = home.folder / "cache" / "locks"
    needed = needed_images(sources, plan, known)
    images.ensure_all(home.engine, needed, policy, notify=say, locks=locks, cancelled=interruption.is_asked)
