from __future__ import annotations

import pytest

from localhai.errors import ProjectError
from localhai.project.overrides import read_limits


def test_limits_by_text():
    assert read_limits("x", "cpus=4, memory=8g") == {"cpus": 4.0, "memory": 8192.0}
    assert read_limits("x", "cpus=0.5") == {"cpus": 0.5}
    with pytest.raises(ProjectError, match="cannot be read"):
        read_limits("x", "memory=much")
