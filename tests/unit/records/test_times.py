"""Times are text that sorts."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from localhai.records import times

moments = st.datetimes(datetime(1970, 1, 1), datetime(2200, 1, 1), timezones=st.just(timezone.utc))  # noqa: DTZ001 - bounds


@given(moments, moments)
def test_text_sorts_as_time_and_comes_back(one, other):
    assert (times.text(one) < times.text(other)) == (one < other)
    assert times.parse(times.text(one)) == one


def test_any_zone_becomes_utc_with_z():
    moment = datetime(2026, 1, 1, 2, 0, tzinfo=timezone(timedelta(hours=2)))
    assert times.text(moment) == "2026-01-01T00:00:00.000000Z"
    assert times.text("2026-01-01T02:00:00+02:00") == "2026-01-01T00:00:00.000000Z"


def test_a_time_without_zone_is_refused():
    with pytest.raises(ValueError, match="no time zone"):
        times.text("2026-01-01T02:00:00")


def test_a_clock_set_back_gives_no_negative_duration():
    assert times.seconds_between("2026-01-01T00:00:01Z", "2026-01-01T00:00:00Z") == 0.0
    assert times.seconds_between("2026-01-01T00:00:01Z", None) is None
