"""Sessions of the page: a code once, a token under /page and nowhere else, no cookie, sentences."""

from __future__ import annotations

import pytest

from localhai.app.session import log_out, login_code


def test_a_code_becomes_a_token_once(nobody, code):
    first = nobody.post("/page/session/", json={"code": code})
    again = nobody.post("/page/session/", json={"code": code})
    assert first.status_code == 200
    assert set(first.json()) == {"token", "user", "expires"}
    assert first.json()["user"]["username"] == "ada"
    assert again.status_code == 401
    assert again.json()["message"] == "This code was used already, is too old, or never was one."
    assert "localhai page" in again.json()["hints"][0]


def test_a_session_says_whose_it_is_and_what_answers(page, home_folder):
    found = page.get("/page/session/").json()
    assert found["user"]["username"] == "ada"
    assert set(found["server"]) == {"version", "bundle", "started", "home"}
    assert found["server"]["home"] == str(home_folder)


def test_where_the_home_lies_is_for_its_first_user_only(bob):
    assert bob.get("/page/session/").json()["server"]["home"] is None


def test_a_token_of_the_api_is_good_under_page(ada):
    found = ada.get("/page/session/").json()
    assert (found["user"]["username"], found["expires"]) == ("ada", None)


def test_a_token_of_the_page_is_good_for_nothing_else(page, demo):
    for path in ("/api/v0/users/me/", "/api/v0/projects/", f"/api/v0/executions/?project={demo.id}"):
        assert page.get(path).status_code == 401, path
    assert page.post("/api/v0/executions/", json={}).status_code == 401


def test_a_session_that_was_ended_is_over(page):
    assert page.delete("/page/session/").status_code == 204
    answer = page.get("/page/session/")
    assert answer.status_code == 401
    assert answer.json()["message"] == "There is no session, or it is over."


def test_logging_out_ends_sessions_and_codes_that_wait(page, state, nobody):
    ada = state.records.users.named("ada")
    waiting = login_code(state.home, ada)
    log_out(state.home, ada)
    assert page.get("/page/session/").status_code == 401
    assert nobody.post("/page/session/", json={"code": waiting}).status_code == 401


@pytest.mark.parametrize("header", [None, "Token", "Token ", "Token nonsense", "Bearer token-of-ada", "token-of-ada"])
def test_who_has_no_token_is_told_so_in_words(nobody, header):
    answer = nobody.get("/page/session/", headers={"Authorization": header} if header else {})
    assert answer.status_code == 401
    assert answer.json()["message"] == "There is no session, or it is over."


def test_a_cookie_is_neither_set_nor_read(page, nobody, code):
    token = page.headers["Authorization"].removeprefix("Token ")
    assert "Set-Cookie" not in page.get("/page/session/").headers
    assert "Set-Cookie" not in nobody.post("/page/session/", json={"code": code}).headers
    assert nobody.get("/page/session/", headers={"Cookie": f"token={token}; session={token}"}).status_code == 401


@pytest.mark.parametrize("body", [{}, {"code": 7}, {"code": ""}, {"code": "x" * 300}, {"code": None}])
def test_what_is_no_code_is_refused_in_words(nobody, body):
    answer = nobody.post("/page/session/", json=body)
    assert answer.status_code == 400
    assert answer.json()["message"].startswith("code: ")
    assert answer.json()["hints"] == []


def test_a_body_that_is_no_json_is_refused_in_words(nobody):
    answer = nobody.post("/page/session/", data=b"{", headers={"Content-Type": "application/json"})
    assert (answer.status_code, answer.json()["message"]) == (400, "the request is no JSON")


@pytest.mark.parametrize("path", ["/page/", "/page/nonsense/", "/page/executions/..%2F../", "/page/table"])
def test_what_is_no_address_is_said_in_words(page, path):
    answer = page.get(path)
    assert answer.status_code == 404
    assert answer.json()["message"] == "There is no such address."
