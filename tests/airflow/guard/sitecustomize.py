"""Notes every address that this process asks for, and every process started by it, in the file CONNECTIONS.

On the PYTHONPATH of the tests' children Python imports it at start-up; the tests themselves load it by its path.
"""

from __future__ import annotations

import os
import sys

VARIABLE = "CONNECTIONS_OF_THE_TESTS"
_WATCHED = frozenset({"socket.connect", "socket.sendto", "socket.getaddrinfo"})


def _note(event: str, values: tuple[object, ...]) -> None:
    if event in _WATCHED and (file := os.environ.get(VARIABLE)):
        address = values[0] if event == "socket.getaddrinfo" else values[1]
        host = address[0] if isinstance(address, tuple) else address
        handle = os.open(file, os.O_WRONLY | os.O_APPEND | os.O_CREAT)
        os.write(handle, f"{event} {host!r}\n".encode())
        os.close(handle)


sys.addaudithook(_note)
