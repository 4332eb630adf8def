"""What containers of the fake engine do where cases run without Docker."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from localhai.testing import FakeContainer

BIN = Path(sys.executable).parent  # `python` is this one, whatever the machine calls by that name


def shell(container: FakeContainer) -> int:
    """The step's own command in a shell, where the container's paths are folders of this machine."""
    places = {place: str(container.path(place)) for place, _ in container.mounts}
    inside = re.compile("|".join(map(re.escape, sorted(places, key=len, reverse=True))))

    def outside(text: str) -> str:
        return inside.sub(lambda found: places[found[0]], text)

    with tempfile.TemporaryDirectory() as copy:
        code = shutil.copytree(container.path("/valohai/repository"), copy, dirs_exist_ok=True)
        for path in Path(code).glob("*.py"):
            path.write_text(outside(path.read_text()))
        process = subprocess.Popen(
            ["bash", "-c", outside(next(container.path("/valohai/config").glob(".*")).read_text())],
            cwd=code,
            env={**os.environ, **container.environment, "PATH": f"{BIN}{os.pathsep}{os.environ['PATH']}"},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        try:
            while process.poll() is None:
                container.sleep(0.01)
        except BaseException:
            os.killpg(process.pid, 9)
            raise
        finally:
            container.out(process.communicate()[0])
    return process.returncode
