"""A container in this terminal: what is typed goes in, what it writes comes out, until it ends."""

from __future__ import annotations

import contextlib
import os
import selectors
import signal
import socket
import sys
from typing import TYPE_CHECKING, Any

from localhai.containers.docker.stream import READ, Demultiplexer
from localhai.system.durable import write_all

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from localhai.containers.docker.transport import HijackedSocket

STDIN, STDOUT, STDERR = 0, 1, 2


def has_terminal() -> bool:
    """Whether a person sits here: both stdin and stdout are a terminal."""
    return os.isatty(STDIN) and os.isatty(STDOUT)


def converse(hijacked: HijackedSocket, *, tty: bool) -> None:
    """Carry bytes both ways until the container closes its side. Without `tty` its output is multiplexed."""
    sock = hijacked.sock
    demultiplexer = None if tty else Demultiplexer()
    _show(hijacked.rest, demultiplexer)
    with selectors.DefaultSelector() as selector, contextlib.closing(sock):
        selector.register(sock, selectors.EVENT_READ)
        with contextlib.suppress(PermissionError):  # a plain file as stdin cannot be waited for
            selector.register(STDIN, selectors.EVENT_READ)
        if STDIN not in selector.get_map():
            _send_file(sock)
        while True:
            for key, _events in selector.select():
                if key.fd == STDIN:
                    _type(sock, selector)
                    continue
                data = sock.recv(READ)
                if not data:
                    return
                _show(data, demultiplexer)


@contextlib.contextmanager
def raw_terminal() -> Iterator[None]:
    """Keys go through unread, Ctrl-C too; the terminal is put back afterwards."""
    import termios
    import tty

    before = termios.tcgetattr(STDIN)
    try:
        tty.setraw(STDIN)
        yield
    finally:
        termios.tcsetattr(STDIN, termios.TCSADRAIN, before)


@contextlib.contextmanager
def follow_size(resize: Callable[[int, int], None]) -> Iterator[None]:
    """Tell rows and columns now and whenever the window changes. Must be called in the main thread."""

    def tell(*_signal: Any) -> None:
        with contextlib.suppress(OSError):
            size = os.get_terminal_size(STDOUT)
            resize(size.lines, size.columns)

    before = signal.signal(signal.SIGWINCH, tell)
    try:
        tell()
        yield
    finally:
        signal.signal(signal.SIGWINCH, before)


def _type(sock: socket.socket, selector: selectors.BaseSelector) -> None:
    data = os.read(STDIN, READ)
    if data:
        sock.sendall(data)
        return
    selector.unregister(STDIN)
    _no_more(sock)


def _send_file(sock: socket.socket) -> None:
    while data := os.read(STDIN, READ):
        sock.sendall(data)
    _no_more(sock)


def _no_more(sock: socket.socket) -> None:
    with contextlib.suppress(OSError):
        sock.shutdown(socket.SHUT_WR)


def _show(data: bytes, demultiplexer: Demultiplexer | None) -> None:
    if demultiplexer is None:
        _write(STDOUT, data)
        return
    for stream, piece in demultiplexer.feed(data):
        _write(STDERR if stream == "stderr" else STDOUT, piece)


def _write(number: int, data: bytes) -> None:
    sys.stdout.flush()
    write_all(number, data)
