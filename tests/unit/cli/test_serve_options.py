from __future__ import annotations

from pathlib import Path

import pytest

from localhai.cli.serve import ServeOptions
from localhai.errors import UsageError


def wanted(**more):
    options = {
        "host": "127.0.0.1",
        "port": 0,
        "https": False,
        "https_port": 0,
        "jobs": None,
        "hosts": (),
        "container_host": None,
        "serve_folders": (),
        "serve_addresses": (),
        "serve_networks": (),
        "seed": None,
    }
    return ServeOptions(**{**options, **more})


def test_clients_reach_nothing_that_is_not_named():
    assert wanted().settings == {}


def test_what_is_named_are_settings():
    found = wanted(
        serve_folders=(Path("shared"),), serve_addresses=("10.1.2.3/16", "::1"), serve_networks=("a",)
    ).settings
    assert found["serve_folders"] == (Path.cwd() / "shared",)
    assert found["serve_addresses"] == ("10.1.0.0/16", "::1/128")
    assert found["serve_networks"] == ("a",)
    assert "127.0.0.0/8" in wanted(serve_addresses=("private",)).settings["serve_addresses"]


def test_what_is_no_address_is_a_mistake_of_typing():
    with pytest.raises(UsageError, match="--allow-address: 'intranet' is no address"):
        _ = wanted(serve_addresses=("intranet",)).settings
