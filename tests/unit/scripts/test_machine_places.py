from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

from machine.advice import HOW, no_engine
from machine.places import Place, find, places

FAMILIES = ("macos", "wsl", "debian", "fedora", "arch", "linux")


def context(home: Path, name: str, host: str) -> None:
    digest = hashlib.sha256(name.encode()).hexdigest()
    folder = home / ".docker" / "contexts" / "meta" / digest
    folder.mkdir(parents=True)
    (home / ".docker" / "config.json").write_text(json.dumps({"currentContext": name}))
    (folder / "meta.json").write_text(json.dumps({"Endpoints": {"docker": {"Host": host}}}))


def test_docker_host_goes_before_everything(tmp_path: Path) -> None:
    context(tmp_path, "far", "ssh://far")
    first, *_ = places({"HOME": str(tmp_path), "DOCKER_HOST": "tcp://a:1", "DOCKER_TLS_VERIFY": "1"})
    assert first == Place("tcp://a:1", "$DOCKER_HOST", chosen=True, tls=True)


def test_the_docker_context_is_honoured(tmp_path: Path) -> None:
    context(tmp_path, "far", "ssh://far")
    first, *_ = places({"HOME": str(tmp_path)})
    assert first == Place("ssh://far", "docker context far", chosen=True)


def test_a_broken_docker_configuration_is_passed_over(tmp_path: Path) -> None:
    (tmp_path / ".docker").mkdir()
    (tmp_path / ".docker" / "config.json").write_text("{")
    found = [place.where for place in places({"HOME": str(tmp_path), "XDG_RUNTIME_DIR": "/run/user/7"})]
    assert found[0] == "unix:///var/run/docker.sock"
    assert "unix:///run/user/7/docker.sock" in found
    assert found[-1] == "unix:///run/user/7/podman/podman.sock"


def test_the_engine_of_the_context_is_found(tmp_path: Path, fake_engine: Any) -> None:
    context(tmp_path, "mine", fake_engine.url)
    engine, tried = find({"HOME": str(tmp_path)})
    assert engine is not None
    assert engine.where == fake_engine.url
    assert tried == []


def test_advice_names_every_place_and_the_platforms_way() -> None:
    tried = [(Place("unix:///var/run/docker.sock", "the system's engine"), "No such file or directory")]
    for family in FAMILIES:
        advice = "\n".join(no_engine(tried, family).advice)
        assert "unix:///var/run/docker.sock" in advice
        assert HOW[family][0] in advice


def test_advice_for_one_who_may_not_speak_to_the_engine() -> None:
    tried = [(Place("unix:///var/run/docker.sock", "the system's engine"), "Permission denied")]
    assert "usermod -aG docker" in no_engine(tried, "fedora").advice[-1]
