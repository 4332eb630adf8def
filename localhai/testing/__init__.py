"""What users test their own projects with: a pytest plugin's parts, and an engine without Docker.

`FakeEngine` runs Python functions or canned results instead of containers; see `localhai.containers.fake`.
"""

from __future__ import annotations

from localhai.containers.fake import Canned, FakeContainer, FakeEngine, Killed, Stopped

__all__ = ["Canned", "FakeContainer", "FakeEngine", "Killed", "Stopped"]
