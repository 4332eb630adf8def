"""One policy of retries: when, how long, and what is said meanwhile."""

from __future__ import annotations

import pytest

from localhai.errors import Interrupted
from localhai.system.retry import Attempts, Retry, Trouble, Waiter, call, retry_after

QUICK = Retry(attempts=4, first=0.001, longest=0.002)


class Busy(Exception):
    pass


def busy(error: Exception) -> Trouble | None:
    return Trouble("it is busy") if isinstance(error, Busy) else None


def gave_up(_error: Exception, trouble: Trouble, tries: int) -> Exception:
    return LookupError(f"{trouble.reason} (tried {tries} times)")


@pytest.mark.parametrize(
    ("header", "seconds"),
    [
        ("7", 7.0),
        (" 120 ", 120.0),
        ("Thu, 01 Jan 1970 00:16:50 GMT", 10.0),
        ("Thu, 01 Jan 1970 00:00:00 GMT", 0.0),
        ("soon", 0.0),
        ("-3", 0.0),
        ("", 0.0),
        (None, 0.0),
    ],
)
def test_retry_after_is_seconds_or_a_date(header: str | None, seconds: float) -> None:
    assert retry_after(header, now=1000.0) == seconds


def test_pauses_grow_and_vary_up_to_the_longest() -> None:
    policy = Retry(first=1.0, longest=4.0)
    pauses = [policy.delay(failures) for failures in (1, 2, 3, 4, 50)]
    for pause, middle in zip(pauses, (1.0, 2.0, 4.0, 4.0, 4.0), strict=True):
        assert 0.75 * middle <= pause <= 1.25 * middle
    assert len({policy.delay(1) for _ in range(20)}) > 1


def test_patience_ends_by_time_and_by_number() -> None:
    now = 0.0
    attempts = Attempts(Retry(attempts=3), clock=lambda: now)
    assert attempts.again() is not None
    assert attempts.again() is not None
    assert attempts.again() is None
    attempts = Attempts(Retry(patience=30.0), clock=lambda: now)
    now = 29.0
    assert attempts.again() is not None
    now = 31.0
    assert attempts.again() is None
    attempts.progress()
    assert attempts.again() is not None


def test_a_pause_that_is_asked_for_does_not_use_up_the_patience_and_has_an_end() -> None:
    now = 0.0
    attempts = Attempts(Retry(patience=30.0, asked=100.0), clock=lambda: now)
    waits = []
    while (wait := attempts.again(40.0)) is not None:
        waits.append(wait)
        now += wait
    assert waits == [40.0, 40.0]
    assert Attempts(Retry()).again(3600.0) is None


def test_what_passes_is_tried_again_and_said() -> None:
    said: list[str] = []
    failures = iter([Busy(), Busy()])

    def action() -> str:
        for failure in failures:
            raise failure
        return "there"

    assert call(action, busy, policy=QUICK, waiter=Waiter(tell=said.append), gave_up=gave_up) == "there"
    assert said == ["it is busy; trying again in 0.0 s"] * 2


def test_what_stays_is_given_up_and_what_cannot_pass_is_not_tried_again() -> None:
    tries: list[int] = []

    def fail(error: Exception) -> None:
        tries.append(1)
        raise error

    with pytest.raises(LookupError, match=r"it is busy \(tried 4 times\)"):
        call(lambda: fail(Busy()), busy, policy=QUICK, waiter=Waiter(), gave_up=gave_up)
    assert len(tries) == 4
    tries.clear()
    with pytest.raises(KeyError):
        call(lambda: fail(KeyError("x")), busy, policy=QUICK, waiter=Waiter(), gave_up=gave_up)
    assert len(tries) == 1


def test_a_stop_ends_the_wait() -> None:
    with pytest.raises(Interrupted, match="it is busy"):
        Waiter(cancelled=lambda: True).wait(3600.0, "it is busy")
