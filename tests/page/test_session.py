"""How a browser is let in, and when it is not any more."""

from __future__ import annotations

from playwright.sync_api import expect

from localhai.app.session import log_out


def in_list(page):
    return page.get_by_role("grid", name="Executions")


def test_a_code_lets_in_once_and_leaves_the_address(visit, seeded):
    path = seeded.login(seeded.path())
    page = visit(seeded).open(path)
    expect(in_list(page)).to_be_visible()
    assert page.url == seeded.url + seeded.path()
    page.reload()
    expect(in_list(page)).to_be_visible()

    other = visit(seeded)
    other.allow("401")
    again = other.open(path)
    expect(again.get_by_role("alert")).to_contain_text("used")
    assert in_list(again).count() == 0


def test_a_deep_link_without_a_session_shows_one_box_and_then_goes_on(visit, seeded):
    seen = visit(seeded)
    seen.allow("401")
    execution = seeded.project.executions()[0]
    page = seen.open(seeded.path(execution, "log/"))
    box = page.get_by_label("Or paste a token")
    box.fill("no token at all")
    page.get_by_role("button", name="Log in").click()
    expect(page.get_by_role("alert")).to_have_text("That token is not known here.")
    box.fill(seeded.url + seeded.login())
    page.get_by_role("button", name="Log in").click()
    expect(page.get_by_text("line 1 of the log")).to_be_visible()
    assert page.url == seeded.url + seeded.path(execution, "log/")


def test_a_token_of_the_api_does_as_well(visit, seeded):
    page = visit(seeded).open("/")
    page.get_by_label("Or paste a token").fill("token-of-ada")
    page.get_by_role("button", name="Log in").click()
    expect(page.get_by_role("main").get_by_text("newsroom").first).to_be_visible()


def test_the_session_is_no_cookie_and_goes_out_to_this_server_only(visit, seeded):
    seen = visit(seeded)
    sent = []
    seen.context.on("request", lambda request: sent.append((request.url, request.headers)))
    page = seen.open(seeded.login(seeded.path()))
    expect(in_list(page)).to_be_visible()
    token = page.evaluate("Object.values(localStorage).find((value) => value.length > 30)")
    assert seen.context.cookies() == []
    carrying = [url for url, headers in sent if token in str(headers)]
    assert carrying
    assert all(url.startswith(f"{seeded.url}/page/") for url in carrying)
    assert not [url for url, _headers in sent if token in url]
    assert token not in page.content()


def test_logging_out_ends_the_session_in_all_tabs(visit, server):
    seen = visit(server)
    seen.allow("401")
    first = seen.open(server.login())
    second = seen.open(server.path())
    expect(second.get_by_text("No execution of newsroom yet")).to_be_visible()
    first.get_by_role("button", name="Log out").click()
    for page in (first, second):
        expect(page.get_by_role("button", name="Log in")).to_be_visible()


def test_a_session_that_was_ended_elsewhere_is_said(visit, server):
    seen = visit(server)
    seen.allow("401")
    page = seen.open(server.login())
    expect(page.get_by_role("heading", name="Nothing has run here yet")).to_be_visible()
    log_out(server.home, server.home.records.users.list()[0])
    page.reload()
    expect(page.get_by_role("alert")).to_have_text("Your session has ended.")
