"""`localhai` and `python -m localhai`: Ctrl-C ends it without a word until the command line can say one."""

from __future__ import annotations

import signal


def main() -> None:
    """The console script."""
    earlier = signal.getsignal(signal.SIGINT)
    if earlier is signal.default_int_handler:
        signal.signal(signal.SIGINT, signal.SIG_DFL)  # a traceback of our imports would help nobody
    from localhai.cli.main import main as begin

    if earlier is signal.default_int_handler:
        signal.signal(signal.SIGINT, signal.default_int_handler)
    begin()


if __name__ == "__main__":
    main()
