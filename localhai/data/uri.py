"""URIs of inputs: their parts, their wildcards, the name of the file (platform.md 4.1 to 4.3). Pure."""

from __future__ import annotations

import posixpath
import re
from functools import lru_cache
from urllib.parse import unquote, urlsplit

from msgspec import Struct

from localhai.system.names import composed
from localhai.vocabulary import ADDRESSES

PLATFORM_ONLY = frozenset({"swift", "dataset", "model"})
OBJECT_STORES = frozenset({"s3", "gs", "azure"})
_SCHEME = re.compile(r"^([A-Za-z][A-Za-z0-9+.-]*)://")
_ACCOUNT = re.compile(r"[A-Za-z0-9_.-]+")  # it becomes a part of a host's name
_SCHEME_ALIASES = {"gcs": "gs", "az": "azure", "abfs": "azure", "s3a": "s3", "s3n": "s3"}
_KNOWN = frozenset({"http", "https", *ADDRESSES, *OBJECT_STORES, *_SCHEME_ALIASES, "swift"})


class Uri(Struct, frozen=True):
    """One address, parsed. `text` is as written, without spaces around it; `scheme` is lower case.

    All that is no other known scheme is `file`: a plain path, `file:` with any number of slashes, or none.

    `container` is the bucket, `account/container` for azure, the host for http(s), and "" for files. `key` is what
    comes behind it: an object's key, a path. For http(s) it is decoded and without query.
    """

    text: str
    scheme: str
    container: str
    key: str

    @property
    def has_wildcard(self) -> bool:
        """`*` in the key of an object store or in a path; http(s) knows no wildcards."""
        return "*" in self.key and (self.scheme in OBJECT_STORES or self.scheme == "file")

    @property
    def root(self) -> str:
        """The part of the key before the folder level that holds the first wildcard, with its last `/`."""
        before = self.key.split("*", 1)[0]
        return before[: before.rfind("/") + 1]

    @property
    def prefix(self) -> str:
        """All of the key before the first wildcard: what a listing may be narrowed to."""
        return self.key.split("*", 1)[0]

    def matches(self, key: str) -> bool:
        """Whether a key of the same container is meant: `*` stays in one folder level, `**` does not."""
        if self.scheme == "file":  # people and disks write accents in one piece or in two
            return _pattern(composed(self.key)).fullmatch(composed(key)) is not None
        return _pattern(self.key).fullmatch(key) is not None

    def of_key(self, key: str) -> str:
        """The URI of another key in the same container."""
        return key if self.scheme == "file" else f"{self.scheme}://{self.container}/{key}"


def parse(text: str) -> Uri:
    """A URI or a plain path. Raises ValueError, in words, when a part is missing."""
    text = text.strip()
    if not text:
        raise ValueError("the URI is empty")
    match = _SCHEME.match(text)
    if match is None:
        return Uri(text, "file", "", _plain_path(text))
    scheme = _SCHEME_ALIASES.get(match[1].lower(), match[1].lower())
    rest = text[match.end() :]
    if scheme == "file":
        return Uri(text, scheme, "", _file_path(rest))
    if scheme in {"http", "https"}:
        parts = urlsplit(text)
        if not parts.hostname:
            raise ValueError("the URL names no host")
        return Uri(text, scheme, parts.hostname, unquote(parts.path).lstrip("/"))
    if scheme in OBJECT_STORES:
        return _in_store(text, scheme, rest)
    return Uri(text, scheme, "", rest.strip() if scheme in ADDRESSES else rest)


def _plain_path(text: str) -> str:
    """`file:data/a.csv` and `file:/data/a.csv` are paths too, and a scheme with one slash is a slip of the pen."""
    word, colon, rest = text.partition(":")
    if colon and word.lower() == "file":
        return unquote(rest)
    if colon and word.lower() in _KNOWN:
        raise ValueError(f"{word}:// is needed, with two slashes")
    return text


def _file_path(rest: str) -> str:
    """`file:///a/b` and `file://localhost/a/b`; people also write `file://data/a.csv` and mean a relative path."""
    path = rest.removeprefix("localhost") if rest.startswith("localhost/") else rest
    return unquote(path, errors="surrogateescape")  # a name that is not UTF-8 is that of a file all the same


def _in_store(text: str, scheme: str, rest: str) -> Uri:
    levels = 2 if scheme == "azure" else 1
    parts = rest.split("/", levels)
    form = "azure://ACCOUNT/CONTAINER/BLOB" if levels > 1 else f"{scheme}://BUCKET/KEY"
    if len(parts) <= levels or not all(parts[:levels]) or not parts[levels]:
        raise ValueError(f"{form} is needed")
    if "*" in "".join(parts[:levels]):
        raise ValueError("a wildcard may stand in the key only")
    if levels > 1 and not _ACCOUNT.fullmatch(parts[0]):
        raise ValueError(f"{parts[0]!r} is no name of an account")
    if parts[levels].endswith("/"):
        raise ValueError(f"it ends with /: write {text}* for the files in that folder, {text}** for all below it")
    return Uri(text, scheme, "/".join(parts[:levels]), parts[levels])


@lru_cache(maxsize=256)
def _pattern(key: str) -> re.Pattern[str]:
    return re.compile(_regex(key), re.DOTALL)


def _regex(pattern: str) -> str:
    """`**/` also matches no folder at all, so that `**/*.json` finds `a.json`. Nothing but `*` is special."""
    pieces = {"**/": "(?:.*/)?", "**": ".*", "*": "[^/]*"}
    bits = re.split(r"(\*\*/|\*\*|\*)", pattern)
    return "".join(pieces.get(bit, re.escape(bit)) for bit in bits)


def last_segment(key: str) -> str:
    """The file name in a key or a path."""
    return posixpath.basename(key.rstrip("/"))
