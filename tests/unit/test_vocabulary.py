"""The transitions of platform.md 6, and no others."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from localhai.errors import TransitionError
from localhai.vocabulary import (
    ALLOWED,
    FINAL,
    INCOMPLETE,
    Status,
    allowed,
    datum_uri,
    has_scheme,
    version_uri,
    without_scheme,
)

KNOWN = {
    ("created", "queued"),
    ("queued", "started"),
    ("started", "complete"),
    ("started", "error"),
    ("started", "crashed"),
    ("created", "stopping"),
    ("queued", "stopping"),
    ("started", "stopping"),
    ("stopping", "stopped"),
    ("stopping", "crashed"),
    # those that never start
    ("created", "error"),
    ("created", "crashed"),
    ("queued", "error"),
    ("queued", "crashed"),
}

statuses = st.sampled_from(Status)


@given(statuses, statuses)
def test_only_the_known_transitions_are_allowed(old, new):
    assert allowed(old, new) == ((str(old), str(new)) in KNOWN)


@given(st.lists(statuses, max_size=12))
def test_every_walk_ends_and_stays_ended(wishes):
    status, seen = Status.CREATED, [Status.CREATED]
    for wish in wishes:
        if allowed(status, wish):
            status = wish
            seen.append(status)
    assert len(seen) == len(set(seen))
    assert all(item in INCOMPLETE for item in seen[:-1])


def test_the_eight_statuses_of_the_platform():
    assert {str(item) for item in INCOMPLETE} == {"created", "queued", "started", "stopping"}
    assert {str(item) for item in FINAL} == {"stopped", "error", "crashed", "complete"}


def test_the_error_says_what_would_be_allowed():
    error = TransitionError("id-1", Status.STOPPING, Status.COMPLETE, following=sorted(ALLOWED[Status.STOPPING]))
    assert error.hints == ("after stopping comes crashed, stopped",)
    assert error.to_dict()["old"] == "stopping"
    assert error.to_dict()["new"] == "complete"


@pytest.mark.parametrize("status", sorted(FINAL))
def test_nothing_comes_after_the_end(status):
    error = TransitionError("id-1", status, Status.QUEUED, following=sorted(ALLOWED[status]))
    assert error.hints == (f"after {status} comes nothing: it is final",)


def test_addresses_are_made_and_taken_apart():
    assert datum_uri("5f") == "datum://5f"
    assert version_uri("dataset", "images", "v1") == "dataset://images/v1"
    assert version_uri("model", "resnet") == "model://resnet/"
    assert without_scheme("datum://5f") == without_scheme("5f") == "5f"
    assert without_scheme("dataset://images/v1", "dataset") == "images/v1"
    assert has_scheme("datum://5f")
    assert not has_scheme("dataset://images/v1")
