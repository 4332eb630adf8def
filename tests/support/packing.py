"""Packages of code, as `vh --adhoc` sends them."""

from __future__ import annotations

import io
import tarfile
from collections.abc import Mapping, Sequence


def packed(files: Mapping[str, str], members: Sequence[tarfile.TarInfo] = ()) -> bytes:
    """These texts by name, and members without a content."""
    found = io.BytesIO()
    with tarfile.open(fileobj=found, mode="w:gz") as tar:
        for name, text in files.items():
            content = text.encode()
            entry = tarfile.TarInfo(name)
            entry.size = len(content)
            tar.addfile(entry, io.BytesIO(content))
        for member in members:
            tar.addfile(member)
    return found.getvalue()
