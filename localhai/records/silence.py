"""A server that hangs: its connections stay open and nothing is answered. Drivers wait for it for ever; we do not."""

from __future__ import annotations

import os
import socket
import struct
import threading
from contextlib import suppress
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from sqlalchemy.engine import Engine
    from sqlalchemy.pool import ConnectionPoolEntry, PoolProxiedConnection

SILENCE = 5.0  # seconds of one transaction after which the server is asked whether it answers others
ANSWER_WITHIN = 3.0
_MAY_I_ENCRYPT = struct.pack("!ii", 8, 80877103)  # SSLRequest: every server answers it with a letter, before any login
_KEY = "localhai silence"


class _Connection(Protocol):
    def fileno(self) -> int: ...


class Silence:
    """Watches over a connection in use, from a thread. As soon as its server answers nobody the connection is broken.

    However long a transaction takes, it goes on while the server answers others: it may wait for a lock.
    """

    def __init__(self, connection: _Connection) -> None:
        # a number of its own: that of the driver may be another file's by the time it is needed
        self._socket = socket.socket(fileno=os.dup(connection.fileno()))
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._watch, name="localhai-silence", daemon=True)
        self._thread.start()

    def end(self) -> None:
        """The connection is not in use any more."""
        self._over.set()

    def _watch(self) -> None:
        with self._socket:
            while not self._over.wait(SILENCE):
                if not answers(self._socket) and not self._over.is_set():
                    with suppress(OSError):
                        self._socket.shutdown(socket.SHUT_RDWR)
                    return


def answers(connected: socket.socket) -> bool:
    """Whether the server at the other end of a connection answers on a new one."""
    try:
        with socket.socket(connected.family, socket.SOCK_STREAM) as asking:
            asking.settimeout(ANSWER_WITHIN)
            asking.connect(connected.getpeername())
            asking.sendall(_MAY_I_ENCRYPT)
            return bool(asking.recv(1))
    except OSError:
        return False


def break_silence(engine: Engine) -> None:
    """Have all connections of an engine watched over while they are in use, and tried before.

    Takes the place of `pool_pre_ping`, which would wait for a hanging server.
    """
    from sqlalchemy import event, exc

    driver: Any = engine.dialect.dbapi

    def connect(dialect: Any, entry: ConnectionPoolEntry, arguments: Any, options: Any) -> Any:
        connection = dialect.connect(*arguments, **options)
        _begin(entry, connection)
        return connection

    def check_out(connection: Any, entry: ConnectionPoolEntry, _proxy: PoolProxiedConnection) -> None:
        if _KEY in entry.info:  # made just now
            return
        try:
            _begin(entry, connection)
            cursor = connection.cursor()
            cursor.execute("SELECT 1")
            cursor.close()
            connection.rollback()
        except driver.Error as error:
            raise exc.DisconnectionError(str(error)) from error

    def end(_connection: Any, entry: ConnectionPoolEntry, *_error: Any) -> None:
        silence = entry.info.pop(_KEY, None)
        if silence is not None:
            silence.end()

    event.listen(engine, "do_connect", connect)
    event.listen(engine, "checkout", check_out)
    for name in ("checkin", "invalidate", "close"):
        event.listen(engine, name, end)


def _begin(entry: ConnectionPoolEntry, connection: Any) -> None:
    if hasattr(connection, "fileno"):
        entry.info[_KEY] = Silence(connection)
