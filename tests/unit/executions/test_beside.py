from __future__ import annotations

import threading

from localhai.errors import RecordsUnavailable
from localhai.executions.run import stop
from localhai.executions.run.stop import Beside, Pace


def test_a_slow_answer_delays_nobody_and_is_asked_for_once():
    may_answer, heard, asked = threading.Event(), threading.Event(), []

    def slow():
        asked.append(1)
        may_answer.wait(10)
        return True

    wish = Beside(slow, told=heard.set, seconds=0, at_once=True)
    for _ in range(3):
        wish.look()
    assert wish.heard is None
    may_answer.set()
    assert heard.wait(10)
    assert (wish.heard, asked) == (True, [1])


def test_what_was_wished_once_stays_wished_whatever_the_records_say_later():
    answers = iter([("a",), (), RecordsUnavailable("away"), ("a", "b")])
    seen = []

    def question():
        answer = next(answers)
        if isinstance(answer, Exception):
            raise answer
        return answer

    wish = Beside(question, seconds=0)
    for _ in range(4):
        wish.look()
        wish._asking.join(10)
        seen.append(wish.heard)
    assert seen == [("a",), ("a",), ("a",), ("a", "b")]


def test_it_is_asked_at_its_own_pace_however_often_somebody_looks(monkeypatch):
    now, asked = [100.0], threading.Semaphore(0)
    monkeypatch.setattr(stop.time, "monotonic", lambda: now[0])
    wish = Beside(asked.release, seconds=1.0)

    def looks():
        for _ in range(3):
            wish.look()
        return asked.acquire(timeout=0.05)

    assert not looks()  # what was just begun is not wished to end
    now[0] += 1.0
    assert looks()
    assert not looks()


def test_the_first_look_may_be_at_once():
    assert Pace(60.0, at_once=True).is_due()
    assert not Pace(60.0).is_due()
