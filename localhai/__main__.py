"""`localhai` and `python -m localhai`: Ctrl-C ends it without a word until the command line can say one."""

from __future__ import annotations

import gc
import signal

GARBAGE = 50_000  # objects: loading makes as many that stay, among which it would be looked for seventy times


def main() -> None:
    """The console script."""
    gc.set_threshold(GARBAGE, 10, 10)
    earlier = signal.getsignal(signal.SIGINT)
    if earlier is signal.default_int_handler:
        signal.signal(signal.SIGINT, signal.SIG_DFL)  # a traceback of our imports would help nobody
    from localhai.cli.main import main as begin

    if earlier is signal.default_int_handler:
        signal.signal(signal.SIGINT, signal.default_int_handler)
    begin()


if __name__ == "__main__":
    main()
