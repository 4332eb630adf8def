"""IP addresses: which belong to the whole internet, and what a host name that is one of them means. Pure."""

from __future__ import annotations

import ipaddress
import socket
from contextlib import suppress
from typing import TYPE_CHECKING, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Iterable

IPAddress: TypeAlias = "ipaddress.IPv4Address | ipaddress.IPv6Address"

_NAT64 = ipaddress.IPv6Network("64:ff9b::/96")
_SHUT = (ipaddress.IPv6Network("2001::/32"), ipaddress.IPv6Network("64:ff9b:1::/48"))  # Teredo, NAT64 of a site
PRIVATE = (
    "127.0.0.0/8",
    "10.0.0.0/8",
    "172.16.0.0/12",
    "192.168.0.0/16",
    "169.254.0.0/16",
    "100.64.0.0/10",
    "::1/128",
    "fc00::/7",
    "fe80::/10",
)


def is_public(address: str) -> bool:
    """Whether it is an address of the whole internet; one that carries another inside is as that one is."""
    return _is_public(_parsed(address))


def is_within(address: str, networks: Iterable[str]) -> bool:
    """Whether it is of one of these networks, as `10.0.0.0/8`."""
    found = _parsed(address)
    inner = getattr(found, "ipv4_mapped", None) or found
    return any(inner in ipaddress.ip_network(network, strict=False) for network in networks)


def networks(word: str) -> tuple[str, ...]:
    """An address, a network, or `private` for all that are not public. Raises ValueError, in words."""
    if word.lower() == "private":
        return PRIVATE
    try:
        return (str(ipaddress.ip_network(word, strict=False)),)
    except ValueError:
        raise ValueError(f"{word!r} is no address (10.1.2.3), no network (10.0.0.0/8) and not `private`") from None


def literal(host: str) -> str | None:
    """The address that a host name is or always means; None for one that is looked up first."""
    name = host.rstrip(".").lower()
    if name == "localhost" or name.endswith(".localhost"):
        return "127.0.0.1"
    with suppress(ValueError):
        return str(_parsed(name))
    with suppress(OSError):  # `2130706433`, `0x7f.1`: as old systems read them
        return socket.inet_ntoa(socket.inet_aton(name))
    return None


def _parsed(address: str) -> IPAddress:
    return ipaddress.ip_address(address.partition("%")[0])


def _is_public(address: IPAddress) -> bool:
    if isinstance(address, ipaddress.IPv6Address):
        inner = address.ipv4_mapped or address.sixtofour or _carried(address)
        if inner is not None:
            return _is_public(inner)
        if address.is_site_local or any(address in network for network in _SHUT):
            return False
    return address.is_global and not (address.is_multicast or address.is_reserved or address.is_unspecified)


def _carried(address: ipaddress.IPv6Address) -> ipaddress.IPv4Address | None:
    """The IPv4 address in one of NAT64, or in one that is nothing else."""
    return ipaddress.IPv4Address(int(address) & 0xFFFFFFFF) if address in _NAT64 or int(address) >> 32 == 0 else None
