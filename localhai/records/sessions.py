"""Sessions of the web page: a code that is good once becomes a token that is good for a while (page.md 2)."""

from __future__ import annotations

import hashlib
from datetime import timedelta
from typing import TYPE_CHECKING

from msgspec import Struct

from localhai.records import times
from localhai.records.access import NounRecords
from localhai.records.mapper import Table

if TYPE_CHECKING:
    from localhai.records.database import Transaction

CODE_FOR = timedelta(minutes=10)
TOKEN_FOR = timedelta(days=7)  # without use
NOTED = timedelta(hours=1)  # a use within that of the last noted one writes nothing


class Session(Struct, frozen=True):
    """Whose it is and until when it is good. Of its code and its token only SHA-256 is kept; it has one of them."""

    id: str
    user_id: str
    created: str
    expires: str


SESSIONS = Table(Session, "page_sessions", "s", noun="session")


class SessionRecords(NounRecords):
    """`records.sessions`."""

    table = SESSIONS

    def open(self, user_id: str, code: str) -> Session:
        """A session that nobody has yet: whoever brings the code gets it. Those that are over are forgotten."""
        values = {
            "id": self.coming_id(),
            "user_id": user_id,
            "code_sha256": _digest(code),
            "created": self._now(),
            "expires": self._after(CODE_FOR),
        }

        def work(transaction: Transaction, _again: bool) -> Session:
            transaction.change("DELETE FROM page_sessions WHERE expires < :now", {"now": values["created"]})
            SESSIONS.insert(transaction, values, "(id) DO NOTHING")
            return SESSIONS.one(transaction, values["id"])

        return self._write(work)

    def exchange(self, code: str, token: str) -> Session | None:
        """Give the session this token in place of its code. None: the code is none, was used, or is too old."""
        digest = _digest(token)
        values = {"code_sha256": None, "token_sha256": digest, "expires": self._after(TOKEN_FOR)}
        key = {"code": _digest(code), "now": self._now()}

        def work(transaction: Transaction, _again: bool) -> Session | None:
            SESSIONS.update(transaction, values, "code_sha256 = :code AND expires >= :now", **key)
            return _of(transaction, digest, key["now"])

        return self._write(work)

    def of_token(self, token: str) -> Session | None:
        """The session that this token is good for; using it makes it good for longer."""
        digest, now = _digest(token), self._now()
        found = self._read(lambda transaction: _of(transaction, digest, now))
        if found is not None and found.expires < self._after(TOKEN_FOR - NOTED):
            self.prolong(found.id)
        return found

    def prolong(self, session_id: str) -> None:
        """Its token is in use: good for as long as a new one."""
        values = {"expires": self._after(TOKEN_FOR)}
        self._write(lambda transaction, _again: SESSIONS.update(transaction, values, "id = :id", id=session_id))

    def is_open(self, session_id: str) -> bool:
        """Whether it was neither revoked nor left alone for too long."""
        sql, key = "SELECT id FROM page_sessions WHERE id = :id AND expires >= :now", {"id": session_id}
        return bool(self._read(lambda transaction: transaction.rows(sql, {**key, "now": self._now()})))

    def revoke(self, session_id: str) -> None:
        """Its token is good for nothing from now on."""
        sql = "DELETE FROM page_sessions WHERE id = :id"
        self._write(lambda transaction, _again: transaction.change(sql, {"id": session_id}))

    def revoke_all(self, user_id: str) -> None:
        """All of a user's, codes too."""
        sql = "DELETE FROM page_sessions WHERE user_id = :id"
        self._write(lambda transaction, _again: transaction.change(sql, {"id": user_id}))

    def _after(self, time: timedelta) -> str:
        return times.text(self._access.clock() + time)


def _of(transaction: Transaction, digest: str, now: str) -> Session | None:
    tail = "WHERE s.token_sha256 = :digest AND s.expires >= :now"
    found = SESSIONS.select(transaction, tail, {"digest": digest, "now": now})
    return found[0] if found else None


def _digest(secret: str) -> str:
    return hashlib.sha256(secret.encode("utf-8", "surrogatepass")).hexdigest()
