"""The bytes of one object of S3, over as many connections as it takes."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING, Any

from localhai.data.sources.base import Cut
from localhai.data.sources.s3 import S3Stream
from localhai.errors import SurroundingsError
from localhai.system.retry import Attempts

if TYPE_CHECKING:
    from collections.abc import Callable

    from localhai.system.retry import Retry, Waiter

PIECE = 1 << 20


class ObjectReader(io.RawIOBase):
    """Reads from the beginning. `get` gives the answer to a GET from a byte on, of the version with that ETag.

    A connection that breaks goes on where it stopped. Raises SurroundingsError when it stays broken, Interrupted.
    """

    def __init__(self, get: Callable[[int, str | None], Any], retry: Retry, waiter: Waiter) -> None:
        super().__init__()
        self._get = get
        self._waiter = waiter
        self._attempts = Attempts(retry)
        self._position = 0
        answer = get(0, None)
        self._etag: str = answer["ETag"]
        self._size: int = answer["ContentLength"]
        self._body = S3Stream(answer["Body"])

    @classmethod
    def buffered(cls, get: Callable[[int, str | None], Any], retry: Retry, waiter: Waiter) -> io.BufferedReader:
        """Reads in pieces of a good size, whatever is asked for."""
        return io.BufferedReader(cls(get, retry, waiter), PIECE)

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        view = memoryview(buffer)
        while self._position < self._size:
            try:
                block = self._read(len(view))
            except Cut as error:
                self._open_again(error)
                continue
            self._attempts.progress()
            self._position += len(block)
            view[: len(block)] = block
            return len(block)
        return 0

    def close(self) -> None:
        if not self.closed:
            self._body.close()
        super().close()

    def _read(self, size: int) -> bytes:
        block = self._body.read(size)
        if not block:
            raise Cut("the connection to S3 was cut")
        return block

    def _open_again(self, error: Cut) -> None:
        self._body.close()
        wait = self._attempts.again()
        if wait is None:
            raise SurroundingsError(f"the store does not give all of it: {error.reason}") from error
        self._waiter.wait(wait, error.reason)
        self._body = S3Stream(self._get(self._position, self._etag)["Body"])
