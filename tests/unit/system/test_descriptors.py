from __future__ import annotations

import resource

import pytest

from localhai.system import descriptors

MANY = resource.RLIM_INFINITY


@pytest.mark.parametrize(
    ("soft", "hard", "after"),
    [
        (256, MANY, (8192, MANY)),  # macOS
        (1024, 1_048_576, (8192, 1_048_576)),  # Linux
        (1024, 4096, (4096, 4096)),
        (65536, 65536, None),
        (MANY, MANY, None),
    ],
)
def test_the_limit_is_raised_and_never_lowered(monkeypatch, soft, hard, after):
    made = []
    monkeypatch.setattr(resource, "getrlimit", lambda _kind: (soft, hard))
    monkeypatch.setattr(resource, "setrlimit", lambda _kind, limits: made.append(limits))

    descriptors.allow_many()

    assert made == ([] if after is None else [after])


def test_a_system_that_refuses_is_left_as_it_is(monkeypatch):
    def refuse(_kind, _limits):
        raise ValueError("current limit exceeds maximum limit")

    monkeypatch.setattr(resource, "getrlimit", lambda _kind: (256, MANY))
    monkeypatch.setattr(resource, "setrlimit", refuse)

    descriptors.allow_many()
