"""The committed bundle: that it belongs to its sources, is whole, small, and carries the licences of its parts."""

from __future__ import annotations

import gzip
import hashlib
import json
from pathlib import Path

import pytest

from localhai.server.page.bundle import FOLDER, Bundle

pytestmark = pytest.mark.sources

PAGE = Path(__file__).parents[3] / "page"
SOURCES = (".npmrc", "package-lock.json", "package.json", "src", "tools", "tsconfig.json", "vite.config.ts")
RAW, PACKED, FIRST = 450_000, 170_000, 45_000  # bytes
ROUTES = ("projects-page", "executions-page", "execution-page")  # what is shown first


@pytest.fixture(scope="module")
def manifest() -> dict:
    return json.loads((FOLDER / "manifest.json").read_text())


def sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def hash_of_sources(page: Path) -> str:
    """As page/tools/sources.ts makes it."""
    files = [
        path
        for name in SOURCES
        for path in ([page / name] if (page / name).is_file() else (page / name).rglob("*"))
        if path.is_file()
    ]
    names = sorted(path.relative_to(page).as_posix() for path in files)
    return hashlib.sha256("".join(f"{name} {sha256(page / name)}\n" for name in names).encode()).hexdigest()


def packed(name: str) -> int:
    found = Bundle().asset(name)
    assert found is not None, name
    return len(found.packed)


def test_it_was_built_from_the_sources_beside_it(manifest):
    assert manifest["sources"] == hash_of_sources(PAGE), "page/ has changed since: make page"


def test_its_files_are_those_of_the_manifest(manifest):
    found = {path.name for path in FOLDER.iterdir()} - {"manifest.json", "LICENSES.txt"}
    assert found == set(manifest["files"])
    for name, said in manifest["files"].items():
        assert said == {"size": (FOLDER / name).stat().st_size, "sha256": sha256(FOLDER / name)}
    assert {manifest["entry"], *manifest["css"], *manifest["first"]} <= found


def test_all_of_it_is_small(manifest):
    assert sum(file["size"] for file in manifest["files"].values()) <= RAW
    assert sum(map(packed, manifest["files"])) <= PACKED


def imports_of(name: str) -> set[str]:
    """The chunks that a chunk loads with itself."""
    head = gzip.decompress(Bundle().asset(name).packed).decode()
    return {other for other in Bundle().names if f'from"./{other}"' in head or f'import"./{other}"' in head}


@pytest.mark.parametrize("route", ROUTES)
def test_the_first_page_loads_little(manifest, route):
    (chunk,) = (name for name in manifest["files"] if name.startswith(f"{route}."))
    needed, found = set(), {*manifest["first"], chunk}
    while found - needed:
        name = (found - needed).pop()
        needed.add(name)
        if name.endswith(".js"):
            found |= imports_of(name)
    assert len(needed) > len(manifest["first"]) + 1, "a page is made of more chunks than itself"
    assert sum(map(packed, needed)) <= FIRST


def test_it_carries_the_licences_of_its_parts():
    text = (FOLDER / "LICENSES.txt").read_text()
    dependencies = json.loads((PAGE / "package.json").read_text())["dependencies"]
    assert dependencies
    for name, version in dependencies.items():
        assert f"{name} {version} (" in text
    assert "Permission is hereby granted" in text


def test_the_lock_names_no_host():
    lock = json.loads((PAGE / "package-lock.json").read_text())
    assert not [name for name, entry in lock["packages"].items() if "resolved" in entry]
    assert all("integrity" in entry for name, entry in lock["packages"].items() if name)
