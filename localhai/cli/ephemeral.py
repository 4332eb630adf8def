"""A home for one call, which keeps nothing."""

from __future__ import annotations

import os
import shutil
import signal
import sys
import tempfile
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator

ELSEWHERE = ("LOCALHAI_DATABASE_URL", "LOCALHAI_STORE")  # what would be kept outside of the home
_ENDING = tuple(getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGHUP") if hasattr(signal, name))


@contextmanager
def ephemeral_home() -> Iterator[Path]:
    """An empty LOCALHAI_HOME for this process, removed at the end, also when SIGTERM brings it."""
    handlers = {number: signal.getsignal(number) for number in _ENDING}
    before = dict(os.environ)
    signal.signal(signal.SIGTERM, _leave)  # until somebody handles it better
    folder = Path(tempfile.mkdtemp(prefix="localhai-serve-"))
    try:
        for name in ELSEWHERE:
            os.environ.pop(name, None)
        os.environ["LOCALHAI_HOME"] = str(folder)
        yield folder
    finally:
        for number in _ENDING:  # nothing is left half removed
            signal.signal(number, signal.SIG_IGN)
        os.environ.clear()
        os.environ.update(before)
        _clear_packages(folder)
        _remove(folder)
        for number, handler in handlers.items():
            signal.signal(number, handler)


def _leave(number: int, _frame: Any) -> None:
    sys.exit(128 + number)


def _clear_packages(home: Path) -> None:
    """Where the engine does not see this machine's folders, packages are in volumes: nobody else is going to look."""
    if not (home / "cache" / "engine.json").exists():
        return
    from localhai.containers import package_cache
    from localhai.containers.docker.connect import connect
    from localhai.errors import LocalhaiError

    with suppress(LocalhaiError):
        engine = connect()
        package_cache.clear(engine, home)
        engine.close()


def _remove(folder: Path) -> None:
    """Folders of the caches may not be written to: they are opened first."""
    for place, _folders, _files in os.walk(folder):
        os.chmod(place, 0o700)  # ours alone, and about to go
    shutil.rmtree(folder, ignore_errors=True)
