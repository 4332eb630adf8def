"""Each route of the page, asked by somebody else: as if there were nothing."""

from __future__ import annotations

import pytest

GETS = (
    "/page/table/?project={project}",
    "/page/executions/{execution}/",
    "/page/executions/1/?project={project}",
    "/page/executions/{execution}/outputs/",
    "/page/log/{execution}/",
    "/page/log/{execution}/search/?q=x",
    "/page/log/{execution}/text/",
    "/page/log/{execution}/link/",
    "/page/outputs/{datum}/",
    "/page/outputs/{datum}/link/",
)
POSTS = {
    "/page/executions/{execution}/stop/": {},
    "/page/executions/{execution}/delete/": {},
    "/page/executions/{execution}/tags/": {"tags": ["mine"]},
}


@pytest.fixture
def names(data):
    row = data.execution(outputs={"a.txt": b"secret"}, tags=["hers"])
    datum = data.home.records.data.list(execution_id=row.id)[0]
    return {"project": data.project.id, "execution": row.id, "datum": datum.id}


@pytest.mark.parametrize("path", GETS)
def test_what_is_anothers_is_as_if_it_were_not_there(bob, page, names, path):
    assert page.get(path.format(**names)).status_code == 200
    answer = bob.get(path.format(**names))
    assert answer.status_code == 404
    assert answer.json()["message"].startswith("There is no ")
    absent = dict.fromkeys(names, "01a00000-0000-7000-8000-000000000000")
    assert without(answer, names) == without(bob.get(path.format(**absent)), absent)


def without(answer, names):
    """Status and words, but for what was asked for."""
    text = answer.text
    for value in names.values():
        text = text.replace(value, "...")
    return answer.status_code, text


@pytest.mark.parametrize("path", POSTS)
def test_nothing_of_anothers_can_be_changed(bob, page, names, path):
    assert bob.post(path.format(**names), json=POSTS[path]).status_code == 404
    assert page.get(f"/page/executions/{names['execution']}/").json()["tags"] == ["hers"]


@pytest.mark.parametrize(("action", "more"), [("stop", {}), ("delete", {}), ("tags", {"add": ["mine"]})])
def test_of_many_those_of_others_are_refused_each(bob, page, names, action, more):
    answer = bob.post(f"/page/executions/{action}/", json={"ids": [names["execution"]], **more})
    assert answer.status_code == 200
    assert answer.json()["done"] == []
    assert "There is no execution" in answer.json()["refused"][0]["message"]
    assert page.get(f"/page/executions/{names['execution']}/").json()["tags"] == ["hers"]


def test_projects_are_ones_own(bob, page, names):
    assert [item["id"] for item in page.get("/page/projects/").json()] == [names["project"]]
    assert bob.get("/page/projects/").json() == []


@pytest.mark.parametrize("path", [*GETS, "/page/projects/", "/page/session/", "/page/stream/"])
def test_without_a_token_nothing_is_answered(nobody, names, path):
    answer = nobody.get(path.format(**names))
    assert (answer.status_code, answer.json()["message"]) == (401, "There is no session, or it is over.")


@pytest.mark.parametrize("path", [*POSTS, "/page/executions/stop/", "/page/executions/delete/", "/page/stream/x/"])
def test_without_a_token_nothing_is_done(nobody, names, path):
    assert nobody.post(path.format(**names), json={"ids": [names["execution"]]}).status_code == 401


def test_where_files_lie_is_told_to_the_first_user_only(state, page, bob, names):
    paths = (f"/page/executions/{names['execution']}/", f"/page/executions/{names['execution']}/outputs/")
    assert all(str(state.home.folder) in page.get(path).text for path in paths)
    state.records.users.own(names["project"], state.records.users.named("bob").id)
    for path in paths:
        assert bob.get(path).status_code == 200
        assert str(state.home.folder) not in bob.get(path).text
    assert bob.get("/page/projects/").json()[0]["path"] is None
