"""`localhai` and `python -m localhai`: Ctrl-C ends it without a word until the command line can say one."""

from __future__ import annotations

import gc
import os
import signal
import sys

GARBAGE = 50_000  # objects: loading makes as many that stay, among which it would be looked for seventy times
WINDOWS = (
    "localhai runs on Linux and macOS; on Windows run it inside of WSL2 (Ubuntu, say), with the WSL integration of "
    "Docker Desktop turned on: https://learn.microsoft.com/windows/wsl/install"
)
SURROUNDINGS = 4  # the exit code for what is wrong around us (errors.py, which loads too much for here)


def main() -> None:
    """The console script."""
    if os.name == "nt":  # before anything is imported that Windows does not have, as fcntl
        sys.stderr.write(f"localhai: {WINDOWS}\n")
        sys.exit(SURROUNDINGS)
    gc.set_threshold(GARBAGE, 10, 10)
    earlier = signal.getsignal(signal.SIGINT)
    if earlier is signal.default_int_handler:
        signal.signal(signal.SIGINT, signal.SIG_DFL)  # a traceback of our imports would help nobody
    from localhai.cli.main import main as begin

    if earlier is signal.default_int_handler:
        signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        begin()
    finally:
        gc.freeze()  # Python looks for garbage three times while it ends, among all that goes with the process anyway


if __name__ == "__main__":
    main()
