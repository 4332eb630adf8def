"""For whom something is made, and who goes on with it in whose name."""

from __future__ import annotations

from localhai.executions.latest import creator_name
from localhai.executions.reading import creator_of
from localhai.executions.run.context import Creator
from localhai.settings import Settings


def test_who_asks_over_the_api_goes_before_the_person_of_the_settings() -> None:
    settings = Settings(creator="carol")
    assert creator_name(settings, Creator("1", "ada")) == "ada"
    assert creator_name(settings) == "carol"
    assert creator_name(settings, Creator("1", "")) == "carol"  # a version that a pipeline made names nobody


def test_who_goes_on_with_something_does_so_for_whom_it_was_made() -> None:
    assert creator_of({"requester": "1", "user": "ada"}) == Creator("1", "ada")
    assert creator_of({"requester": "1", "creator": "ada"}) == Creator("1", "ada")
    assert creator_of({"requester": "1"}) == Creator("1", "")
    assert creator_of({"user": "ada"}) is None  # the person at this machine
