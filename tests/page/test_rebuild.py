"""Whether the committed bundle is, byte for byte, what its sources build. Needs Node.js, which nothing else does."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

from localhai.server.page.bundle import FOLDER

PAGE = Path(__file__).parents[2] / "page"


def npm(*words: str, cwd: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(["npm", *words], cwd=cwd, capture_output=True, text=True, check=False, timeout=240)


@pytest.mark.skipif(shutil.which("npm") is None, reason="Node.js is not here: the hash of the sources is checked alone")
def test_the_bundle_is_what_its_sources_build(tmp_path):
    copy = tmp_path / "page"
    shutil.copytree(PAGE, copy, ignore=shutil.ignore_patterns("node_modules"))
    if (PAGE / "node_modules").is_dir():
        (copy / "node_modules").symlink_to(PAGE / "node_modules")
    elif (installed := npm("ci", "--no-audit", "--no-fund", cwd=copy)).returncode:
        pytest.skip(f"no registry gives its packages: {installed.stderr.strip().splitlines()[-1:]}")
    built = npm("run", "--silent", "build", cwd=copy)
    assert built.returncode == 0, built.stderr

    made = tmp_path / "localhai" / "server" / "page" / "bundle"
    assert {path.name for path in made.iterdir()} == {path.name for path in FOLDER.iterdir()}
    assert [path.name for path in made.iterdir() if path.read_bytes() != (FOLDER / path.name).read_bytes()] == []
