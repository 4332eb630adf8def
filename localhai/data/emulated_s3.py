"""The embedded S3: moto in this process, filled from a folder `BUCKET/KEY...`.

Nothing is read before it is asked for: objects of the folder stand in moto as names with a size, and their bytes go
from the file to the socket without passing through memory at once. What is written to this S3 is forgotten with the
process; the folder is never changed.
"""

from __future__ import annotations

import logging
import threading
from pathlib import Path
from typing import TYPE_CHECKING

from localhai.data.seed_folder import SeedFolder

if TYPE_CHECKING:
    from typing_extensions import Self
    from werkzeug.serving import BaseWSGIServer

ADDRESS = "127.0.0.1"
REGION = "us-east-1"
POLL = 0.05  # seconds until the server notices that it shall stop
ACCESS_KEY = "localhai"
SECRET_KEY = "localhai-has-no-secrets"  # noqa: S105 - the embedded S3 asks for a key and takes any


class EmulatedS3(SeedFolder):
    """An S3 on a free port of this machine, for as long as the object lives.

    `start` is idempotent and safe between threads; `running` says whether it has been called. Files of the folder can
    be looked at by `seed_object` and `seed_objects` without a start. moto has one memory per process: so should this.
    """

    access_key = ACCESS_KEY
    secret_key = SECRET_KEY
    region = REGION

    def __init__(self, folder: Path | None) -> None:
        super().__init__(folder)
        self._lock = threading.Lock()
        self._server: BaseWSGIServer | None = None
        self._thread: threading.Thread | None = None

    @property
    def running(self) -> bool:
        """Whether it listens."""
        return self._server is not None

    @property
    def endpoint_url(self) -> str:
        """Where it listens; starts it when it does not."""
        self.start()
        assert self._server is not None  # noqa: S101 - start() sets it or raises
        return f"http://{ADDRESS}:{self._server.server_address[1]}"

    def start(self) -> None:
        """Import moto and listen: about half a second, once."""
        with self._lock:
            if self._server is not None:
                return
            from localhai.data.emulated_server import make_emulated_server

            logging.getLogger("werkzeug").setLevel(logging.ERROR)
            self._server = make_emulated_server(ADDRESS, self)
            self._thread = threading.Thread(
                target=self._server.serve_forever, args=(POLL,), name="emulated-s3", daemon=True
            )
            self._thread.start()

    def stop(self) -> None:
        """Stop listening and forget what was written. Idempotent."""
        with self._lock:
            server, self._server = self._server, None
            thread, self._thread = self._thread, None
        if server is not None and thread is not None:
            from localhai.data.emulated_server import forget

            server.shutdown()
            thread.join()
            server.server_close()
            forget()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_exc: object) -> None:
        self.stop()
