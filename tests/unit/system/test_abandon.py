"""Calls to the outside that cannot be broken off are left behind by who wants to stop."""

from __future__ import annotations

import threading

import pytest

from localhai.errors import Interrupted
from localhai.system.retry import abandonable


def test_what_it_comes_to_comes_back() -> None:
    assert abandonable(lambda: 7, lambda: True, "it was asked") == 7
    with pytest.raises(KeyError, match="gone"):
        abandonable(lambda: {}["gone"], lambda: False, "it was asked")


def test_who_wants_to_stop_does_not_wait_for_silence() -> None:
    over = threading.Event()
    try:
        with pytest.raises(Interrupted, match="stopped while it was asked"):
            abandonable(over.wait, lambda: True, "it was asked")
    finally:
        over.set()
