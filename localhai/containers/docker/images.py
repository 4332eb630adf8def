"""Images of a Docker Engine: looked up, pulled, made of containers, removed.

For pulls the credentials in the user's docker configuration are read: the only place that loads docker-py.
"""

from __future__ import annotations

import contextlib
import json
import os
from typing import TYPE_CHECKING, Any

from msgspec.structs import replace

from localhai.containers.docker import payload
from localhai.containers.docker.errors import NOT_FOUND, EngineRefused, image_not_found, refused
from localhai.containers.docker.transport import path_part
from localhai.containers.engine import PullProgress
from localhai.system import image_names, strict_json

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from localhai.containers.docker.transport import Transport
    from localhai.containers.engine import Image


COMMIT_WITHIN = 600.0  # gigabytes are written, or deleted
PULL_SILENCE = 600.0  # a registry or a slow disk may be silent for minutes


class DockerImages:
    """The part of engine.Engine that is about images."""

    def __init__(self, transport: Transport) -> None:
        self._transport = transport
        self._call = transport.call

    @property
    def place(self) -> str:
        """The address that answered."""
        return self._transport.address.url

    def image(self, reference: str) -> Image | None:
        if image_names.fault(reference) is not None:  # `../x` would be another question to the engine
            return None
        try:
            data = self._call("GET", f"/images/{path_part(reference)}/json")
        except EngineRefused as error:
            if error.status == NOT_FOUND or "invalid reference" in error.message:
                return None
            raise refused(error.message, f"look up the image {reference}") from error
        return payload.image(reference, data)

    def labelled_images(self, labels: Mapping[str, str | None]) -> list[Image]:
        query = {"filters": strict_json.dumps({"label": payload.label_filter(labels)})}
        rows = self._call("GET", "/images/json", query=query, doing="list images") or ()
        found = [self.image(str(row["Id"])) for row in rows]
        return [image for image in found if image is not None]

    def commit(self, container: str, reference: str) -> Image:
        name, tag = payload.split_reference(reference)
        query = {"container": container, "repo": name, "tag": tag, "pause": 0}
        # an empty command: nothing of what made the image is run by it
        body: dict[str, Any] = {"Cmd": [], "Entrypoint": []}
        made = self._call(
            "POST", "/commit", query=query, body=body, timeout=COMMIT_WITHIN, doing=f"make the image {reference}"
        )
        found = self.image(str(made["Id"]))
        if found is None:
            raise image_not_found(reference, "it was made and is not there")
        return replace(found, reference=reference)

    def remove_image(self, reference: str) -> None:
        self._call(
            "DELETE",
            f"/images/{path_part(reference)}",
            query={"force": 1},
            timeout=COMMIT_WITHIN,
            doing=f"remove the image {reference}",
            fine=(NOT_FOUND,),
        )

    def pull(self, reference: str, progress: Callable[[PullProgress], None] | None = None) -> Image:

        name, tag = payload.split_reference(reference)
        counter = _PullCounter(reference)
        try:
            reply = self._transport.open(
                "POST",
                "/images/create",
                query={"fromImage": name, "tag": tag},
                headers=login_header(name),
                timeout=PULL_SILENCE,
            )
            with contextlib.closing(reply):
                for line in reply.lines():
                    seen = counter.feed(line)
                    if progress is not None and seen is not None:
                        progress(seen)
        except EngineRefused as error:
            raise image_not_found(reference, error.message) from error
        found = self.image(reference)
        if found is None:
            raise image_not_found(reference, "it was pulled and is not there")
        return found


class _PullCounter:
    """Sums the layers of a pull."""

    def __init__(self, reference: str) -> None:
        self._reference = reference
        self._layers: dict[str, tuple[int, int]] = {}

    def feed(self, line: bytes) -> PullProgress | None:
        """Raises ImageNotFound when the line says that the pull failed."""
        try:
            data = json.loads(line)
        except ValueError:
            return None
        if data.get("error"):
            raise image_not_found(self._reference, str(data["error"]))
        status, layer = str(data.get("status", "")), data.get("id")
        detail = data.get("progressDetail") or {}
        if layer and status == "Downloading" and detail.get("total"):
            self._layers[layer] = (int(detail.get("current") or 0), int(detail["total"]))
        elif layer and status in {"Download complete", "Pull complete"} and layer in self._layers:
            total = self._layers[layer][1]
            self._layers[layer] = (total, total)
        return PullProgress(
            self._reference,
            status,
            sum(current for current, _total in self._layers.values()),
            sum(total for _current, total in self._layers.values()),
        )


def login_header(name: str) -> dict[str, str]:
    """The header that logs in at the registry of an image name; empty when nobody has logged in there.

    Understands plain entries, `credsStore` and `credHelpers`. A credential helper that fails counts as no login:
    public images must not need one.
    """
    folder = os.environ.get("DOCKER_CONFIG") or os.path.join(os.path.expanduser("~"), ".docker")
    if not os.path.exists(os.path.join(folder, "config.json")):
        return {}
    from docker import auth
    from docker.errors import DockerException

    try:
        config: Any = auth.load_config(os.path.join(folder, "config.json"))
        registry, _rest = auth.resolve_repository_name(name)
        found = auth.resolve_authconfig(config, registry)
        return {"X-Registry-Auth": auth.encode_header(found).decode()} if found else {}
    except (DockerException, OSError, ValueError, KeyError):
        return {}
