"""An engine on another machine by ssh: `docker system dial-stdio` there, a socket here."""

from __future__ import annotations

import socket
import subprocess
import threading
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from urllib.parse import SplitResult


def command(parts: SplitResult) -> list[str]:
    """The argument vector for `ssh://user@host:port`. Raises ValueError for a host that ssh would read as an option."""
    if not parts.hostname or parts.hostname.startswith("-") or (parts.username or "").startswith("-"):
        raise ValueError(f"{parts.geturl()!r} names no host")
    arguments = ["ssh", "-o", "BatchMode=yes", "-o", "ConnectTimeout=10"]
    if parts.username:
        arguments += ["-l", parts.username]
    if parts.port:
        arguments += ["-p", str(parts.port)]
    return [*arguments, "--", parts.hostname, "docker", "system", "dial-stdio"]


def dial(parts: SplitResult, timeout: float | None) -> socket.socket:
    """A socket to the engine behind ssh. The child ends when the socket is closed. Raises OSError."""
    ours, theirs = socket.socketpair()
    ours.settimeout(timeout)
    try:
        child = subprocess.Popen(  # noqa: S603 - the vector is built above, the host is no option
            command(parts),
            stdin=theirs.fileno(),
            stdout=theirs.fileno(),
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
    except BaseException:
        ours.close()
        raise
    finally:
        theirs.close()
    threading.Thread(target=child.wait, name="localhai-ssh", daemon=True).start()
    return ours
