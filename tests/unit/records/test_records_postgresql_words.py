"""What errors of PostgreSQL mean: come again, or one of our own errors in words."""

from __future__ import annotations

import pytest
from sqlalchemy import exc

from localhai.errors import DiskFull, RecordsUnavailable
from localhai.records.database import Away
from localhai.records.postgresql import _translate


class Said(Exception):
    def __init__(self, pgcode: str | None) -> None:
        super().__init__("the server's words")
        self.pgcode = pgcode


def translated(kind: type[exc.DBAPIError], code: str | None) -> Exception:
    return _translate(kind("SELECT 1", {}, Said(code)), "postgresql://there")


@pytest.mark.parametrize(
    "code", ["57014", "57P01", "57P05", "25P03", "25P04", "53000", "53200", "53300", "58030", "40001", "08006", None]
)
def test_what_passes_by_itself_is_tried_again(code: str | None) -> None:
    assert isinstance(translated(exc.OperationalError, code), Away)


@pytest.mark.parametrize("kind", [exc.OperationalError, exc.InternalError])
def test_trouble_of_the_server_is_said_in_words(kind: type[exc.DBAPIError]) -> None:
    found = translated(kind, "XX000")
    assert isinstance(found, RecordsUnavailable)
    assert "the server's words" in str(found)
    assert isinstance(translated(kind, "53100"), DiskFull)


def test_a_mistake_of_ours_stays_one() -> None:
    assert isinstance(translated(exc.ProgrammingError, "42601"), exc.ProgrammingError)
