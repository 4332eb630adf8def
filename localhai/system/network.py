"""The machine as others see it."""

from __future__ import annotations

import socket

_ANYBODY = ("192.0.2.1", 9)  # a documentation address (RFC 5737): nothing is sent to it
_ITSELF = "127.0.0.1"


def own_address() -> str:
    """The address from which this machine reaches others; its loopback address where it is in no network."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect(_ANYBODY)  # a datagram socket only looks up the route
            found = str(probe.getsockname()[0])
        except OSError:
            return _ITSELF
    return _ITSELF if found == "0.0.0.0" else found  # noqa: S104  # what some systems say where there is no route
