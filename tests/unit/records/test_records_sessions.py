"""Sessions of the page: a code is good once and briefly, a token while it is used; neither is in the database."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone

import pytest

from localhai.records import Records

BEGIN = datetime(2026, 1, 1, tzinfo=timezone.utc)


class Clock:
    def __init__(self):
        self.now = BEGIN

    def __call__(self):
        return self.now

    def later(self, **much):
        self.now += timedelta(**much)


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def records(home, url, clock):
    with Records.open(home, url, clock=clock) as opened:
        yield opened


@pytest.fixture
def ada(records):
    return records.users.put("ada", "token of ada").id


def test_a_code_is_good_once(records, ada):
    records.sessions.open(ada, "code")
    session = records.sessions.exchange("code", "first")
    assert session.user_id == ada
    assert records.sessions.exchange("code", "second") is None
    assert records.sessions.of_token("second") is None
    assert records.sessions.of_token("first") == session


def test_a_code_is_good_for_ten_minutes(records, ada, clock):
    records.sessions.open(ada, "code")
    clock.later(minutes=10, seconds=1)
    assert records.sessions.exchange("code", "token") is None


def test_a_code_is_no_token(records, ada):
    records.sessions.open(ada, "code")
    assert records.sessions.of_token("code") is None
    records.sessions.exchange("code", "token")
    assert records.sessions.exchange("token", "other") is None


def test_a_token_is_good_for_seven_days_after_its_last_use(records, ada, clock):
    records.sessions.open(ada, "code")
    records.sessions.exchange("code", "token")
    clock.later(days=6)
    assert records.sessions.of_token("token")
    clock.later(days=6)
    assert records.sessions.of_token("token")
    clock.later(days=7, seconds=1)
    assert records.sessions.of_token("token") is None


def test_what_is_revoked_is_over(records, ada):
    bob = records.users.put("bob", "token of bob").id
    opened = {}
    for user, word in ((ada, "a"), (ada, "b"), (bob, "c")):
        records.sessions.open(user, f"code {word}")
        opened[word] = records.sessions.exchange(f"code {word}", word).id
    records.sessions.revoke(opened["a"])
    assert [word for word in "abc" if records.sessions.of_token(word)] == ["b", "c"]
    records.sessions.open(ada, "left")
    records.sessions.revoke_all(ada)
    assert [word for word in "abc" if records.sessions.of_token(word)] == ["c"]
    assert records.sessions.exchange("left", "d") is None
    assert not records.sessions.is_open(opened["b"])
    assert records.sessions.is_open(opened["c"])


def test_the_database_holds_neither_codes_nor_tokens(records, ada):
    records.sessions.open(ada, "a code")
    records.sessions.open(ada, "another code")
    records.sessions.exchange("another code", "a token")
    with records.access.database.begin(write=False) as transaction:
        rows = transaction.rows("SELECT * FROM page_sessions")
    assert len(rows) == 2
    assert not {"a code", "another code", "a token"} & {value for row in rows for value in row.values()}
