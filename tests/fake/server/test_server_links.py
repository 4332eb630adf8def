from __future__ import annotations

import pytest

from localhai.app.session import exchange


def link(ada) -> str:
    found = ada.get("/api/v0/users/login_link/").json()["url"]
    assert found.startswith("/")
    assert "?" in found, "jupyhai appends &next="
    return found


def test_a_login_link_leads_to_the_page_that_was_asked_for(ada, nobody, state):
    answer = nobody.get(f"{link(ada)}&next={ada.url}/p/1/execution/2/")
    where, _, code = answer.headers["Location"].partition("#login=")
    assert (answer.status_code, where) == (302, "/p/1/execution/2/")
    session, _token = exchange(state.home, code)
    assert session.user_id == state.records.users.named("ada").id
    assert nobody.get("/p/1/execution/2/").headers["Content-Type"].startswith("text/html")


@pytest.mark.parametrize("where", ["https://evil.example/", "//evil.example", "/\\evil.example", "javascript:alert(1)"])
def test_it_leads_to_no_other_server(ada, nobody, where):
    answer = nobody.get(link(ada), params={"next": where})
    assert (answer.status_code, answer.headers["Location"].partition("#")[0]) == (302, "/")


def test_it_is_good_for_a_minute_and_not_made_by_others(ada, nobody, state):
    found = link(ada)
    assert nobody.get("/api/v0/users/login_link/").status_code == 401
    assert nobody.get(found[:-3]).status_code == 403
    assert nobody.get(f"/auth/login/{state.records.users.named('ada').id}/?next=/").status_code == 403
    bob = state.records.users.named("bob").id
    assert nobody.get(found.replace(state.records.users.named("ada").id, bob)).status_code == 403
    object.__setattr__(state, "clock", lambda: 4e9)
    assert nobody.get(found).status_code == 403


def test_a_login_link_downloads_nothing(ada, nobody):
    query = link(ada).partition("?")[2]
    assert nobody.get(f"/api/v0/data/0178b4f0-0000-0000-0000-000000000000/content/?{query}").status_code == 403
