"""Makes `pages` and `reference` importable beside the tests that read pages."""

from __future__ import annotations

import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent

sys.path[:0] = [str(HERE), str(HERE.parent.parent / "scripts")]
