"""`localhai ARGUMENTS` in a terminal of its own, over an engine without Docker: HOME PROJECT FILE ARGUMENTS...

A step writes `ready`, and when it shall stop a last line and an output; FILE tells that it has begun.
"""

import fcntl
import sys
import termios
import time
from pathlib import Path

from localhai.cli.call import Call
from localhai.cli.main import cli
from localhai.cli.output import endure
from localhai.executions.home import Home
from localhai.settings import Settings
from localhai.testing import FakeContainer, FakeEngine


def step(container: FakeContainer) -> int:
    container.out("ready\n")
    Path(sys.argv[3]).touch()
    container.stop_asked.wait(60)
    for number in range(20):  # long enough for its terminal to be gone
        container._say("stdout", f"still {number}\n".encode())
        time.sleep(0.02)
    container.path("/valohai/outputs/last.txt").write_text("saved")
    container._say("stdout", b"last line\n")
    return 3


if __name__ == "__main__":
    fcntl.ioctl(0, termios.TIOCSCTTY, 0)
    endure()
    engine = FakeEngine()
    engine.behave(step, step="slow")
    settings = Settings(home=Path(sys.argv[1]), stop_grace=30.0)
    with Home(settings, engine=engine) as home:
        cli.main(sys.argv[4:], obj=Call(home=home, folder=Path(sys.argv[2])))
