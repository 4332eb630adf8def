"""Signs of life, by the clock of the database."""

from __future__ import annotations

from msgspec.structs import replace


def test_a_process_is_silent_since_its_last_sign(records, owner):
    assert records.processes.silence(owner) is None
    assert records.processes.give_sign(owner)
    assert 0 <= records.processes.silence(owner) < 60

    assert records.processes.give_sign(owner), "a sign may be given again and again"
    assert records.processes.silence(replace(owner, pid=1)) is None


def test_what_others_gave_up_is_told_to_its_own_machine_until_that_forgets_it(records, owner):
    never_seen = replace(owner, pid=2)
    records.processes.give_sign(owner)
    for process in (owner, never_seen):
        records.processes.give_up(process)
        records.processes.give_up(process)

    assert set(records.processes.given_up("here")) == {owner, never_seen}
    assert records.processes.given_up("elsewhere") == []

    records.processes.give_sign(owner)
    records.processes.forget(never_seen)
    assert records.processes.given_up("here") == [owner], "a sign from one that was given up does not undo it"


def test_a_wish_to_stop_is_heard_when_another_closed_the_execution(records, owner):
    project = records.projects.of_folder("/a/news", "news")
    made = records.executions.create(project.id, step="train", image="i", commit=None, document={}, owner=owner)
    assert not records.executions.stop_requested(made.id)

    records.executions.transition(made.id, "crashed", by="another machine")

    assert records.executions.stop_requested(made.id)
