"""Packages of code on a disk that takes two names for one, as those of macOS do: simulated."""

from __future__ import annotations

import io
import os
import tarfile
from pathlib import Path

import pytest

from localhai.errors import ProjectError
from localhai.project import snapshot


def package(path: Path, *names: str) -> Path:
    with tarfile.open(path, "w:gz") as archive:
        for name in names:
            info = tarfile.TarInfo(name)
            info.size = 1
            archive.addfile(info, io.BytesIO(b"x"))
    return path


def test_a_package_with_two_names_that_the_disk_takes_for_one_is_refused(tmp_path, monkeypatch):
    made = package(tmp_path / "p.tgz", "valohai.yaml", "Model.py", "model.py")
    there = os.path.lexists

    def folding(path: str | Path) -> bool:
        folder, name = os.path.split(path)
        return there(path) or name.lower() in map(str.lower, os.listdir(folder) if os.path.isdir(folder) else ())

    monkeypatch.setattr(os.path, "lexists", folding)

    with pytest.raises(ProjectError, match=r"the package holds model.py and another file that is the same one"):
        snapshot.unpacked(made, tmp_path / "cache", "~1")


def test_a_package_is_unpacked(tmp_path):
    folder = snapshot.unpacked(package(tmp_path / "p.tgz", "valohai.yaml", "a/b.py"), tmp_path / "cache", "~1")

    assert (folder / "a" / "b.py").read_bytes() == b"x"
