"""An engine without Docker."""

from __future__ import annotations

import pytest

from localhai.testing import FakeEngine


@pytest.fixture
def engine():
    found = FakeEngine()
    yield found
    found.close()
