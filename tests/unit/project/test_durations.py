from __future__ import annotations

import pytest

from localhai.errors import UsageError
from localhai.project.overrides import seconds


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (90, 90),
        (0.5, 0.5),
        ("300", 300),
        (" 1h 30m 5s ", 5405),
        ("1.5d", 129600),
        ("60 minutes", 3600),
        ("2W", 1209600),
        (".5h", 1800),
    ],
)
def test_durations_are_seconds(value, expected):
    assert seconds(value) == expected


@pytest.mark.parametrize(
    "value", ["", "  ", "1h30", "soon", "5 years", "-5", "1h,", 0, -1, "0s", True, float("nan"), "1" * 400]
)
def test_what_is_no_duration_is_refused(value):
    with pytest.raises(UsageError, match="is not a duration"):
        seconds(value)
