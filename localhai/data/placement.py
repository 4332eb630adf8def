"""Where files land under /valohai/inputs/INPUT: names made safe, and clashes of names (platform.md 4.3). Pure."""

from __future__ import annotations

import hashlib
import posixpath
from collections import Counter
from collections.abc import Callable, Sequence

from localhai.data.uri import Uri, last_segment
from localhai.system.text import clean, file_name
from localhai.vocabulary import KeepDirectories

NAME_MAX = 255  # bytes of one path part on Linux

Names = dict[KeepDirectories, str]


def names_of(key: str, matched: Uri | None = None, given: str | None = None) -> Names:
    """Where a file stands under the input's folder, by `keep-directories`; not yet made safe.

    `matched` is the address that it was found by: without a wildcard there is no suffix to keep. None is for a datum,
    whose name may have folders and is a suffix as a whole (platform.md 4.3). `given` is the name that a server gives.
    """
    basename, folder = given or last_segment(key), posixpath.dirname(key)
    if matched is None:
        suffix = folder
    else:
        suffix = posixpath.dirname(key.removeprefix(matched.root)) if matched.has_wildcard else ""
    return {
        "none": basename,
        "suffix": posixpath.join(suffix, basename),
        "full": posixpath.join(folder.lstrip("/"), basename),
    }


def safe(name: str) -> str:
    """A relative path with no way out: no `..`, no leading `/`, no NUL, no part longer than a file system takes.

    What is not UTF-8 in it is written as names of outputs are.
    """
    parts = [_safe_part(part) for part in file_name(name.replace("\0", "")).split("/") if part not in {"", ".", ".."}]
    return "/".join(parts) or "file"


def _safe_part(part: str) -> str:
    encoded = part.encode()
    if len(encoded) <= NAME_MAX:
        return part
    stem, suffix = posixpath.splitext(part)
    digest = hashlib.sha256(encoded).hexdigest()[:12]
    suffix = suffix if len(suffix.encode()) <= 20 else ""  # noqa: PLR2004 - longer is no suffix
    room = NAME_MAX - len(digest) - 1 - len(suffix.encode())
    return f"{stem.encode()[:room].decode('utf-8', 'ignore')}-{digest}{suffix}"


def place(
    input_name: str,
    wanted: Sequence[str],
    *,
    filename: str | None = None,
    keep_all: bool = False,
    note: Callable[[str], None],
) -> list[str | None]:
    """A name for each file that is to have one of `wanted`; None for one that a later one of the same name replaces.

    `filename` counts only when there is one file (platform.md 1.5). Of two files with one name the later wins
    (unconfirmed, platform.md 4.3), unless all are kept: then numbers stand before their names. What is changed or
    lost is said to `note`.
    """
    forced = filename if len(wanted) == 1 else None
    if filename and forced is None and wanted:
        note(f"input {input_name}: filename {filename!r} is not used, because the input has {len(wanted)} files")
    names: list[str | None] = []
    for asked in [forced] if forced else wanted:
        name = safe(asked)
        if name != posixpath.normpath(asked):
            note(f"input {input_name}: the name {clean(asked)!r} is not safe, the file is called {name!r}")
        names.append(name)
    if keep_all:
        names = _numbered(input_name, names, note)
    return _without_clashes(input_name, names, note)


def _numbered(input_name: str, names: Sequence[str | None], note: Callable[[str], None]) -> list[str | None]:
    """`model.pkl` three times is `1-model.pkl`, `2-model.pkl`, `3-model.pkl`."""
    counts, seen = Counter(names), Counter[str]()
    numbered: list[str | None] = []
    for name in names:
        if name is None or counts[name] == 1:
            numbered.append(name)
            continue
        seen[name] += 1
        folder, slash, last = name.rpartition("/")
        numbered.append(f"{folder}{slash}{seen[name]}-{last}")
    for name in seen:
        note(f"input {input_name}: {seen[name]} files are called {name!r}: they are numbered ([data] same_names)")
    return numbered


def _without_clashes(input_name: str, names: Sequence[str | None], note: Callable[[str], None]) -> list[str | None]:
    taken: set[str] = set()
    folders: set[str] = set()
    kept: list[str | None] = []
    for name in reversed(names):
        if name is None or name in taken or name in folders or taken.intersection(_parents(name)):
            note(f"input {input_name}: several files are called {name!r}: only the last one is kept")
            kept.append(None)
            continue
        taken.add(name)
        folders.update(_parents(name))
        kept.append(name)
    return kept[::-1]


def _parents(name: str) -> list[str]:
    parts = name.split("/")
    return ["/".join(parts[:count]) for count in range(1, len(parts))]
