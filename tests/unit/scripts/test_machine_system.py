from __future__ import annotations

import subprocess
import sys
from typing import TYPE_CHECKING

import pytest
from machine import system

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.parametrize(
    ("text", "family"),
    [
        ("ID=debian\n", "debian"),
        ('NAME="Linux Mint"\nID=linuxmint\nID_LIKE="ubuntu debian"\n', "debian"),
        ('ID="rocky"\nID_LIKE="rhel centos fedora"\n', "fedora"),
        ("ID=manjaro\nID_LIKE=arch\n", "arch"),
        ("ID=nixos\n", "linux"),
        ("", "linux"),
    ],
)
def test_a_linux_is_known_by_its_kin(text: str, family: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(system.platform, "system", lambda: "Linux")
    monkeypatch.setattr(system.platform, "release", lambda: "6.1.0")
    assert system.family(text) == family


def test_wsl_is_told_from_its_debian(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(system.platform, "system", lambda: "Linux")
    monkeypatch.setattr(system.platform, "release", lambda: "5.15.1-microsoft-standard-WSL2")
    assert system.family("ID=ubuntu\n") == "wsl"


def test_two_at_once_wait_for_one_another(root: Path, tmp_path: Path) -> None:
    script = (
        "import sys, time; from machine.system import one_at_a_time\n"
        "with one_at_a_time('test'):\n"
        "    log = open(sys.argv[1], 'a', 1); log.write('in\\n'); time.sleep(0.2); log.write('out\\n')\n"
    )
    log = tmp_path / "log"
    environment = {"PYTHONPATH": str(root / "scripts"), "TMPDIR": str(tmp_path)}
    both = [subprocess.Popen([sys.executable, "-c", script, log], env=environment) for _ in range(2)]
    assert [process.wait() for process in both] == [0, 0]
    assert log.read_text() == "in\nout\nin\nout\n"


def test_the_proxy_of_apt_serves_mmdebstrap_too(bin_folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (bin_folder / "apt-config").write_text("#!/bin/sh\necho http://proxy:3142\n")
    (bin_folder / "apt-config").chmod(0o755)
    monkeypatch.delenv("http_proxy", raising=False)
    assert system.proxied()["http_proxy"] == "http://proxy:3142"
    monkeypatch.setenv("http_proxy", "http://mine:1")
    assert system.proxied()["http_proxy"] == "http://mine:1"
