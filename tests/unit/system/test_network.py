from __future__ import annotations

import ipaddress
import socket

import pytest

from localhai.system import network


def test_the_address_of_this_machine_is_one():
    assert ipaddress.ip_address(network.own_address()).version == 4


@pytest.mark.parametrize("trouble", [OSError("no route"), None])
def test_a_machine_in_no_network_has_its_loopback_address(monkeypatch, trouble):
    class Probe:
        def __enter__(self):
            return self

        def __exit__(self, *_):
            return None

        def connect(self, _address):
            if trouble:
                raise trouble

        def getsockname(self):
            return ("0.0.0.0", 0)  # noqa: S104  # what some systems say

    monkeypatch.setattr(socket, "socket", lambda *_: Probe())
    assert network.own_address() == "127.0.0.1"
