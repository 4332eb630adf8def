"""Names of images, by the grammar that every engine and registry holds to. Pure."""

from __future__ import annotations

import re

LONGEST_NAME = 255
_PART = r"[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*"
_WORD = r"[a-zA-Z0-9](?:[a-zA-Z0-9-]*[a-zA-Z0-9])?"
_HOST = rf"(?:{_WORD}(?:\.{_WORD})*|\[[0-9a-fA-F:]+\])(?::[0-9]+)?"
_TAG = r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}"
_DIGEST = r"[A-Za-z][A-Za-z0-9]*(?:[-_+.][A-Za-z][A-Za-z0-9]*)*:[0-9a-fA-F]{32,}"


def fault(reference: str) -> str | None:
    """What is wrong with the name of an image: `[HOST[:PORT]/]NAME[:TAG][@DIGEST]`. None: engines understand it."""
    if not reference.strip():
        return "it is empty"
    if "://" in reference:
        return "a registry is named without http:// or https://"
    named, at, digest = reference.partition("@")
    if at and not re.fullmatch(_DIGEST, digest):
        return f"{digest!r} is no digest, such as sha256: and 64 digits"
    name, colon, tag = named.rpartition(":")
    if not colon or "/" in tag:  # the colon is a port's
        name, colon, tag = named, "", ""
    if colon and not re.fullmatch(_TAG, tag):
        return f"{tag!r} is no tag: letters, digits, `_`, `.` and `-`, 128 at most"
    return _fault_of_name(name)


def _fault_of_name(name: str) -> str | None:
    first, slash, rest = name.partition("/")
    is_host = bool(slash) and (first == "localhost" or first != first.lower() or any(sign in first for sign in ".:["))
    if is_host and not re.fullmatch(_HOST, first):
        return f"{first!r} is no host of a registry"
    parts = (rest if is_host else name).split("/")
    if "" in parts:
        return "a part of it is empty: one slash stands between two parts"
    wrong = next((part for part in parts if not re.fullmatch(_PART, part)), None)
    if wrong is not None:
        if re.fullmatch(_PART, wrong.lower()):
            return f"names of images are written in small letters: {wrong.lower()}"
        return f"{wrong!r} is no part of a name: small letters and digits, with `.`, `_` or `-` between them"
    return f"it has more than {LONGEST_NAME} characters" if len(name) > LONGEST_NAME else None
