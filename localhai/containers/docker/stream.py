"""What a container writes: Docker's multiplexed stream, taken apart.

A frame is a header of eight bytes (1 stdout or 2 stderr, three zeros, the length as big-endian 32 bits) and its bytes.
"""

from __future__ import annotations

import contextlib
import http.client
import socket
import struct
from typing import TYPE_CHECKING, Protocol

from localhai.errors import EngineLost

if TYPE_CHECKING:
    from collections.abc import Iterator

    from localhai.containers.docker.transport import HijackedSocket, Reply
    from localhai.containers.engine import Stream

HEADER = 8
READ = 1 << 18
STDERR = 2
_unpack = struct.Struct(">BxxxI").unpack_from


class Demultiplexer:
    """Bytes in, (stream, bytes) out; holds the rest of a frame that is not complete. Pure."""

    def __init__(self) -> None:
        self._head = b""
        self._missing = 0
        self._stream: Stream = "stdout"

    def feed(self, data: bytes) -> list[tuple[Stream, bytes]]:
        """What `data` completes, neighbours of one stream joined. Long frames are handed on before they end."""
        found: list[tuple[Stream, bytes]] = []
        parts: list[bytes] = []
        stream, missing = self._stream, self._missing
        if self._head:
            data, self._head = self._head + data, b""
        position, size = 0, len(data)
        while position < size:
            if missing:
                end = position + missing
                piece = data[position:end]
                parts.append(piece)
                position += len(piece)
                missing -= len(piece)
                continue
            if size - position < HEADER:
                self._head = data[position:]
                break
            kind, missing = _unpack(data, position)
            position += HEADER
            named: Stream = "stderr" if kind == STDERR else "stdout"
            if named != stream:
                _flush(found, stream, parts)
                stream = named
        self._stream, self._missing = stream, missing
        _flush(found, stream, parts)
        return found


def _flush(found: list[tuple[Stream, bytes]], stream: Stream, parts: list[bytes]) -> None:
    if parts:
        found.append((stream, b"".join(parts)))
        parts.clear()


class LogDemultiplexer:
    """Demultiplexes a log read with timestamps from Docker's `local` driver, and puts back the newlines it loses.

    The driver cuts lines at 16 KiB, gives all pieces of one line the same timestamp, and forgets the newline behind
    the last piece. So an open line that is followed by another timestamp had ended.
    """

    def __init__(self) -> None:
        self._buffer = b""
        self._open: dict[int, bytes] = {}

    def feed(self, data: bytes) -> list[tuple[Stream, bytes]]:
        """As `Demultiplexer.feed`, in whole messages."""
        data = self._buffer + data if self._buffer else data
        found: list[tuple[Stream, bytes]] = []
        parts: list[bytes] = []
        stream: Stream = "stdout"
        position, size = 0, len(data)
        while size - position >= HEADER:
            kind, length = _unpack(data, position)
            end = position + HEADER + length
            if end > size:
                break
            moment, _, text = data[position + HEADER : end].partition(b" ")
            position = end
            named: Stream = "stderr" if kind == STDERR else "stdout"
            if named != stream:
                _flush(found, stream, parts)
                stream = named
            open_since = self._open.pop(kind, moment)
            if open_since != moment:
                parts.append(b"\n")
            if not text.endswith(b"\n"):
                self._open[kind] = moment
            parts.append(text)
        self._buffer = data[position:]
        _flush(found, stream, parts)
        return found


class _Takes(Protocol):
    def feed(self, data: bytes) -> list[tuple[Stream, bytes]]: ...


class _Source(Protocol):
    def read(self) -> bytes: ...

    def close(self) -> None: ...


class SocketSource:
    """The hijacked socket of an attach."""

    def __init__(self, hijacked: HijackedSocket) -> None:
        self._sock = hijacked.sock
        self._rest = hijacked.rest

    def read(self) -> bytes:
        if self._rest:
            rest, self._rest = self._rest, b""
            return rest
        return self._sock.recv(READ)

    def close(self) -> None:
        with contextlib.suppress(OSError):
            self._sock.shutdown(socket.SHUT_RDWR)
        with contextlib.suppress(OSError):
            self._sock.close()


class ReplySource:
    """The body of a `logs` call."""

    def __init__(self, reply: Reply) -> None:
        self._reply = reply

    def read(self) -> bytes:
        return self._reply.read_some(READ)

    def close(self) -> None:
        self._reply.close()


class ContainerOutput:
    """An `OutputStream` over either source."""

    def __init__(self, source: _Source, demultiplexer: _Takes | None = None) -> None:
        self._source = source
        self._demultiplexer = demultiplexer or Demultiplexer()
        self._closed = False

    def __iter__(self) -> Iterator[tuple[Stream, bytes]]:
        while not self._closed:
            try:
                data = self._source.read()
            except (OSError, ValueError, AttributeError, http.client.HTTPException, EngineLost) as error:
                if self._closed:  # close() in another thread pulled the socket away
                    return
                raise EngineLost(f"the container's output broke off ({error})") from error
            if not data:
                break
            yield from self._demultiplexer.feed(data)
        self.close()

    def close(self) -> None:
        self._closed = True
        self._source.close()
