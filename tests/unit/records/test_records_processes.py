"""Signs of life, by the clock of the database."""

from __future__ import annotations

from msgspec.structs import replace


def test_a_process_is_silent_since_its_last_sign(records, owner):
    assert records.silence(owner) is None
    assert records.give_sign(owner)
    assert 0 <= records.silence(owner) < 60

    assert records.give_sign(owner), "a sign may be given again and again"
    assert records.silence(replace(owner, pid=1)) is None


def test_what_others_gave_up_is_told_to_its_own_machine_until_that_forgets_it(records, owner):
    never_seen = replace(owner, pid=2)
    records.give_sign(owner)
    for process in (owner, never_seen):
        records.give_up(process)
        records.give_up(process)

    assert set(records.given_up("here")) == {owner, never_seen}
    assert records.given_up("elsewhere") == []

    records.give_sign(owner)
    records.forget_process(never_seen)
    assert records.given_up("here") == [owner], "a sign from one that was given up does not undo it"


def test_a_wish_to_stop_is_heard_when_another_closed_the_execution(records, owner):
    project = records.project("/a/news", "news")
    made = records.create_execution(project.id, step="train", image="i", commit=None, document={}, owner=owner)
    assert not records.stop_requested(made.id)

    records.transition(made.id, "crashed", by="another machine")

    assert records.stop_requested(made.id)
