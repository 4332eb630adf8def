"""What deployments leave: containers of a localhai that died, and images."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from localhai.containers import labels
from localhai.errors import EngineLost, EngineNotFound, SurroundingsError
from localhai.executions.cleaning import Portion
from localhai.executions.owner import is_alive, own_owner

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from localhai.containers.engine import ContainerState, Engine, Image
    from localhai.executions.home import Home


def recover(home: Home, say: Callable[[str], None]) -> None:
    """Close every endpoint that was built or served by a localhai of this machine that died; a line for each."""
    for version in home.records.held_deployment_versions(host=own_owner().host):
        for endpoint in version.endpoints:
            if endpoint.owner is None or is_alive(endpoint.owner):
                continue
            name = f"endpoint {endpoint.name} of {version.deployment}/{version.name}"
            try:
                wanted = {labels.DEPLOYMENT: version.id, labels.ENDPOINT: endpoint.name}
                for state in home.engine.containers(wanted):
                    home.engine.remove(state.id)
            except (EngineNotFound, EngineLost) as error:
                say(f"{name} was left by a localhai that died; no engine answers to look at it: {error}")
                return
            error_text = "its localhai died"
            if home.records.change_endpoint(
                version.id, endpoint.name, status="crashed", expected_owner=endpoint.owner, error=error_text, url=None
            ):
                say(f"{name} was left by a localhai that died; its container is removed")


def dead_containers(home: Home) -> Iterator[Portion]:
    """Containers that nobody looks after. Raises EngineNotFound."""
    engine = home.engine
    states = engine.containers({labels.DEPLOYMENT: None})
    dead = [item for item in states if not labels.is_alive(labels.parse_owner(item.labels))]
    if dead:
        yield Portion("containers of deployments", len(dead), None, partial(_remove_containers, engine, dead))


def built_images(home: Home) -> Iterator[Portion]:
    """Images of endpoints: they are built again when they are needed. Raises EngineNotFound."""
    engine = home.engine
    found = engine.labelled_images({labels.DEPLOYMENT: None})
    if found:
        size = sum(own for own in {image.id: _own_size(image) for image in found}.values())
        yield Portion("images of deployments", len(found), size, partial(_remove_images, engine, found))


def _own_size(image: Image) -> int:
    """Bytes without those of the image that it stands on: these stay."""
    base = image.labels.get(labels.BASE_SIZE, "")
    return max(0, image.size - int(base)) if base.isdigit() else 0


def _remove_containers(engine: Engine, states: Sequence[ContainerState]) -> Sequence[str]:
    for state in states:
        engine.remove(state.id)
    return ()


def _remove_images(engine: Engine, images: Sequence[Image]) -> Sequence[str]:
    return [problem for image in images for problem in _remove_image(engine, image)]


def _remove_image(engine: Engine, image: Image) -> Sequence[str]:
    try:
        engine.remove_image(image.id)
    except SurroundingsError as error:
        return [f"the image {image.reference} stays: {error.message}"]
    return ()
