"""What an address may reach, by who asks for it. Asked of the parsed address whenever one is resolved.

The person at this machine reaches all that the machine does (`EVERYTHING`). A client of the server's API reaches
public addresses, object stores and the data of its own projects; files and further networks only where the person who
started the server allows them.
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

from msgspec import Struct

if TYPE_CHECKING:
    from localhai.data.uri import Uri

NO_FILE = (
    "files of the server's machine are not given to its clients: upload it as a datum, or let whoever runs the server"
    " allow its folder (--allow-folder)"
)
NO_ADDRESS = (
    "loopback, link-local and private addresses are not asked for clients of the server: whoever runs it can allow"
    " them (--allow-address)"
)
NO_STORE = "outputs of executions are named by datum://, not by where the server keeps them"


class Access(Struct, frozen=True):
    """The reach of one who asks; None stands for no limit.

    `folders` are those whose files may be read, and `closed` those within them that stay shut. `networks` are the
    addresses, beside public ones, that may be connected to. `projects` are ids of those whose data may be read; the
    objects of `store` (`s3://BUCKET/PREFIX`) are reached as data alone.
    """

    folders: tuple[str, ...] | None = None
    closed: tuple[str, ...] = ()
    networks: tuple[str, ...] | None = None
    projects: frozenset[str] | None = None
    store: str | None = None

    def refusal(self, uri: Uri, base: Path) -> str | None:
        """Why an address is not followed, as far as it says so itself; where it leads to is asked again there.

        `base` is where relative paths start.
        """
        if uri.scheme == "file" and self.folders is not None:
            start = uri.root if uri.has_wildcard else uri.key
            return None if self.may_read(absolute(base, start)) else NO_FILE
        if uri.scheme in {"http", "https"} and self.networks is not None:
            from localhai.system.networks import literal

            address = literal(uri.container)
            return None if address is None or self.may_connect(address) else NO_ADDRESS
        return NO_STORE if uri.scheme == "s3" and self._in_store(uri) else None

    def may_read(self, path: str) -> bool:
        """Whether a file of this machine, wherever links lead, lies in a folder that is open."""
        if self.folders is None:
            return True
        real = os.path.realpath(path)
        return _within(real, self.folders) and not _within(real, self.closed)

    def may_connect(self, address: str) -> bool:
        """Whether an IP address may be connected to."""
        if self.networks is None:
            return True
        from localhai.system.networks import is_public, is_within

        return is_public(address) or is_within(address, self.networks)

    def _in_store(self, uri: Uri) -> bool:
        if self.store is None:
            return False
        bucket, _, prefix = self.store.partition("://")[2].partition("/")
        shut, start = (f"{prefix}/" if prefix else ""), uri.prefix
        return uri.container == bucket and (start.startswith(shut) or (uri.has_wildcard and shut.startswith(start)))


EVERYTHING = Access()


def absolute(base: Path, key: str) -> str:
    """The absolute path that a key means."""
    return os.path.abspath(base / Path(key).expanduser())


def _within(path: str, folders: Iterable[str]) -> bool:
    return any(path == folder or path.startswith(folder.rstrip("/") + "/") for folder in map(os.path.realpath, folders))
