"""Runs inside the container of a `wsgi` endpoint: `python wsgi.py MODULE[:CALLABLE] PORT`. Imports nothing of localhai.

Which server the platform uses, and the callable's default name, are unconfirmed: here it is Python's own with a thread
for each request, and `application` or `app`.
"""

import importlib
import os
import sys
import traceback
from collections.abc import Callable
from socketserver import ThreadingMixIn
from typing import Any
from wsgiref.simple_server import WSGIServer, make_server

NOT_IMPORTABLE = 78


class Server(ThreadingMixIn, WSGIServer):
    daemon_threads = True


def load(target: str) -> Callable[..., Any]:
    """The callable. Ends the program when it cannot be had."""
    module_name, _, name = target.partition(":")
    sys.path.insert(0, os.getcwd())
    try:
        module = importlib.import_module(module_name)
    except BaseException as error:  # noqa: BLE001  # a module may do anything
        frames = traceback.extract_tb(error.__traceback__)
        own = [frame for frame in frames if frame.filename != __file__ and "importlib" not in frame.filename]
        said = traceback.format_exception_only(type(error), error)
        sys.stderr.writelines([*traceback.format_list(own), *said])
        sys.exit(NOT_IMPORTABLE)
    for item in [name] if name else ["application", "app"]:
        found = getattr(module, item, None)
        if callable(found):
            return found  # type: ignore[no-any-return]  # whatever a user's module holds
    sys.stderr.write(f"module {module_name} has no callable {name or 'application or app'}\n")
    sys.exit(NOT_IMPORTABLE)


if __name__ == "__main__":
    make_server("0.0.0.0", int(sys.argv[2]), load(sys.argv[1]), server_class=Server).serve_forever()  # noqa: S104  # of a container
