"""Calls of a Docker Engine's HTTP API, with what it refuses in our words."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from localhai.containers.docker.errors import refused
from localhai.containers.docker.transport import EngineRefused

if TYPE_CHECKING:
    from localhai.containers.docker.transport import Transport


class DockerCalls:
    """Base of the classes that a DockerEngine is made of."""

    def __init__(self, transport: Transport) -> None:
        self._transport = transport

    @property
    def place(self) -> str:
        """The address that answered."""
        return self._transport.address.url

    def _call(
        self,
        method: str,
        path: str,
        *,
        doing: str,
        fine: tuple[int, ...] = (),
        reference: str | None = None,
        **options: Any,
    ) -> Any:
        try:
            return self._transport.call(method, path, **options)
        except EngineRefused as error:
            if error.status in fine:
                return None
            raise refused(error.message, doing, reference=reference) from error
