"""How people name an execution, a pipeline or a task, and what they are told when they name none."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

import pytest

from localhai.errors import UsageError
from localhai.records.references import CANDIDATES

if TYPE_CHECKING:
    from localhai.records import Records

    class Made(Protocol):
        id: str
        counter: int


NOUNS = {
    "execution": ("an", "run one: localhai run STEP"),
    "pipeline": ("a", "start one: localhai pipeline run NAME"),
    "task": ("a", "start one: localhai task run NAME"),
}
TOLD = {"execution": ("give a number, `latest`, an id or the beginning of one",)}
LEAST: dict[str, Any] = {"commit": None, "document": {}, "owner": None}


def noun_of(records: Records, noun: str) -> Any:
    return getattr(records, f"{noun}s")


def make(records: Records, noun: str, project_id: str) -> Made:
    kind = noun_of(records, noun)
    if noun == "execution":
        return kind.create(project_id, step="train", image="i", **LEAST)
    if noun == "pipeline":
        return kind.create(project_id, name="train", nodes=[], **LEAST)
    return kind.create(project_id, name="train", step="train", type="grid_search", **LEAST)


@pytest.fixture(params=NOUNS)
def noun(request: pytest.FixtureRequest) -> str:
    return str(request.param)


def refused(records: Records, noun: str, ref: str, project_id: str | None) -> UsageError:
    with pytest.raises(UsageError) as caught:
        noun_of(records, noun).find(ref, project_id)
    return caught.value


def test_where_there_is_none_yet_it_is_said_how_to_start_one(records: Records, project: Any, noun: str) -> None:
    start = NOUNS[noun][1]
    latest = refused(records, noun, "latest", project.id)
    assert (latest.message, latest.where, latest.hints) == (f"there is no {noun} yet", "latest", (start,))
    third = refused(records, noun, "#3", project.id)
    assert (third.message, third.where, third.hints) == (f"there is no {noun} '#3'", "#3", TOLD.get(noun, (start,)))


@pytest.mark.parametrize("ref", ["1", "#1", "=1"])
def test_a_number_means_nothing_without_a_project(records: Records, project: Any, noun: str, ref: str) -> None:
    make(records, noun, project.id)
    error = refused(records, noun, ref, None)
    said = f"{ref} is the number of {NOUNS[noun][0]} {noun} in a project, and no project is given"
    hint = f"call from the project's folder, or give the {noun}'s id"
    assert (error.message, error.where, error.hints) == (said, ref, (hint,))


def test_who_names_none_is_shown_the_newest(records: Records, project: Any, noun: str) -> None:
    made = [make(records, noun, project.id) for _ in range(CANDIDATES + 2)]
    error = refused(records, noun, "99", project.id)
    assert (error.message, error.where) == (f"there is no {noun} '99'", "99")
    status = "started" if noun == "task" else "created"
    newest = made[: -CANDIDATES - 1 : -1]
    assert error.hints == TOLD.get(noun, ()) + tuple(
        f"#{item.counter} {item.id} train (news, {status})" for item in newest
    )


def test_who_names_several_is_shown_which(records: Records, project: Any, noun: str) -> None:
    made = [make(records, noun, project.id) for _ in range(CANDIDATES + 1)]
    common = made[0].id[:4]
    error = refused(records, noun, common, project.id)
    assert (error.message, error.where) == (f"{len(made)} {noun}s begin with {common!r}", common)
    assert [hint.split()[0] for hint in error.hints] == [f"#{item.counter}" for item in made[:0:-1]]


def test_latest_is_the_newest_of_the_project_or_of_all(records: Records, project: Any, noun: str) -> None:
    find = noun_of(records, noun).find
    other = records.projects.of_folder("/b/other", "other")
    make(records, noun, project.id)
    own, elsewhere = make(records, noun, project.id), make(records, noun, other.id)
    assert find(" Latest ", project.id).id == own.id
    assert find("latest", None).id == elsewhere.id
    assert find("2", project.id).id == own.id


def test_ids_lead_to_other_projects_too_and_numbers_do_not(records: Records, project: Any, noun: str) -> None:
    find = noun_of(records, noun).find
    other = records.projects.of_folder("/b/other", "other")
    own = make(records, noun, project.id)
    elsewhere = [make(records, noun, other.id) for _ in range(2)]
    for asked in (project.id, other.id, None):
        assert find(elsewhere[1].id, asked).id == elsewhere[1].id
        assert find(own.id.upper()[:-1], asked).id == own.id
    assert find("1", other.id).id == elsewhere[0].id
    assert refused(records, noun, "2", project.id).message == f"there is no {noun} '2'"


def test_letters_of_an_id_may_be_few_and_digits_may_not(records: Records, project: Any, noun: str) -> None:
    """Fewer than four digits are a number."""
    known_as = ["1234aaaa", "bcde1234"]
    made = [noun_of(records, noun).create(project.id, **words(noun), known_as=key, **LEAST) for key in known_as]
    find = noun_of(records, noun).find
    assert find("b", project.id).id == made[1].id
    assert find("1234", project.id).id == made[0].id
    refused(records, noun, "123", project.id)


def words(noun: str) -> dict[str, Any]:
    return {
        "execution": {"step": "train", "image": "i"},
        "pipeline": {"name": "train", "nodes": []},
        "task": {"name": "train", "step": "train", "type": "grid_search"},
    }[noun]
