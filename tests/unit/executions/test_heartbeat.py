"""Signs of life go on, whatever happens to one of them."""

from __future__ import annotations

import os
import threading

from waiting import until

from localhai.executions.home import Home
from localhai.executions.run.heartbeat import Heartbeat, own_owner
from localhai.settings import Settings


class Odd:
    """Records whose database says something that nobody foresaw, once."""

    def __init__(self):
        self.processes, self.given = self, 0
        self.first, self.second = threading.Event(), threading.Event()

    def give_sign(self, _owner, _timeout):
        self.given += 1
        if self.given == 1:
            self.first.set()
            raise ArithmeticError("numeric field overflow")
        self.second.set()


def test_an_odd_error_of_the_database_ends_no_signs():
    records = Odd()
    signs = Heartbeat(records, own_owner(), timeout=600.0)
    signs.now()
    assert records.first.wait(10)
    signs.now()
    assert records.second.wait(10)
    signs.close()


def test_a_forked_child_gives_signs_of_its_own(used_home):
    with Home(Settings(home=used_home)) as home:
        home.own(at_once=True)
        child = os.fork()
        if child == 0:
            code = 1
            try:
                owner = home.own(at_once=True)
                until(lambda: home.records.processes.silence(owner) is not None, seconds=10)
                code = 0
            finally:
                os._exit(code)
        assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
