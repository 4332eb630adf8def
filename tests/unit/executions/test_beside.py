from __future__ import annotations

import threading

from localhai.errors import RecordsUnavailable
from localhai.executions.run.beside import Beside


def test_a_slow_answer_delays_nobody_and_is_asked_for_once():
    may_answer, heard, asked = threading.Event(), threading.Event(), []

    def slow():
        asked.append(1)
        may_answer.wait(10)
        return True

    wish = Beside(slow, told=heard.set)
    for _ in range(3):
        wish.ask()
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

    wish = Beside(question)
    for _ in range(4):
        wish.ask()
        wish._asking.join(10)
        seen.append(wish.heard)
    assert seen == [("a",), ("a",), ("a",), ("a", "b")]
