"""What deployments leave: containers of a localhai that died, and images."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from msgspec import Struct

from localhai.containers import labels
from localhai.deployments.work import work_id
from localhai.errors import SurroundingsError, UsageError
from localhai.executions.clean import Portion
from localhai.executions.run.heartbeat import own_owner
from localhai.executions.run.owner import is_alive, is_dropped

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from localhai.containers.engine import ContainerState, Engine, Image
    from localhai.executions.home import Home
    from localhai.records.deployments import DeploymentVersion, VersionEndpoint


class LeftEndpoint(Struct, frozen=True):
    """An endpoint that was built or served by a localhai of this machine that died."""

    version: DeploymentVersion
    endpoint: VersionEndpoint

    @property
    def name(self) -> str:
        """As messages name it."""
        return f"endpoint {self.endpoint.name} of {self.version.deployment}/{self.version.name}"


def left(home: Home) -> list[LeftEndpoint]:
    """Those that nobody works on. Costs one query when there is none."""
    return [
        LeftEndpoint(version, endpoint)
        for version in home.records.deployments.held_versions(host=own_owner().host)
        for endpoint in version.endpoints
        if _is_left(version, endpoint)
    ]


def _is_left(version: DeploymentVersion, endpoint: VersionEndpoint) -> bool:
    owner = endpoint.owner
    return owner is not None and (is_dropped(owner, work_id(version.id, endpoint.name)) or not is_alive(owner))


def close_left(home: Home, found: LeftEndpoint, say: Callable[[str], None]) -> None:
    """Remove its container, then close it. Raises LocalhaiError: it is left for the next time then."""
    version, endpoint = found.version, found.endpoint
    for state in home.engine.containers({labels.DEPLOYMENT: version.id, labels.ENDPOINT: endpoint.name}):
        home.engine.remove(state.id)
    if home.records.deployments.change_endpoint(
        version.id, endpoint.name, status="crashed", expected_owner=endpoint.owner, error="its localhai died", url=None
    ):
        say(f"{found.name} was left by a localhai that died; its container is removed")


def dead_containers(home: Home) -> Iterator[Portion]:
    """Containers that nobody looks after. Raises EngineNotFound."""
    engine = home.engine
    states = engine.containers({labels.DEPLOYMENT: None})
    own = [item for item in states if home.has_made(item.labels.get(labels.HOME)) is not False]
    dead = [item for item in own if not labels.is_alive(labels.parse_owner(item.labels))]
    if dead:
        yield Portion("containers of deployments", len(dead), None, partial(_remove_containers, engine, dead))


def built_images(home: Home) -> Iterator[Portion]:
    """Images of endpoints: they are built again when they are needed. Raises EngineNotFound."""
    engine = home.engine
    found = [image for image in engine.labelled_images({labels.DEPLOYMENT: None}) if _is_own(home, image)]
    if found:
        size = sum(own for own in {image.id: _own_size(image) for image in found}.values())
        yield Portion("images of deployments", len(found), size, partial(_remove_images, engine, found))


def _is_own(home: Home, image: Image) -> bool:
    """Whether this home built it. One that names no home is of whoever remembers its version, alone."""
    made = home.has_made(image.labels.get(labels.HOME))
    if made is not None:
        return made
    try:
        home.records.deployments.version(image.labels.get(labels.DEPLOYMENT, ""))
    except UsageError:
        return False
    return not home.settings.database_url


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
