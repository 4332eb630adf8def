"""The shell before anything of the page runs in it."""

from __future__ import annotations

import re

from playwright.sync_api import expect

from localhai.server.page.bundle import Bundle
from localhai.server.page.shell import POLICY


def test_the_policy_lets_no_other_script_run(visit, server):
    seen = visit(server)
    seen.allow("Content Security Policy|503|Trusted Type|TrustedHTML|TrustedScript|Failed to load resource")
    page = seen.open("/")
    inline = """() => {
        const script = document.createElement("script");
        try { script.textContent = "window.stolen = 1"; } catch (error) { return String(error); }
        document.body.append(script);
        return String(window.stolen);
    }"""
    assert "TrustedScript" in page.evaluate(inline)
    assert "TrustedHTML" in page.evaluate(
        "() => { try { document.body.innerHTML = '<b>'; } catch (e) { return `${e}`; } }"
    )
    elsewhere = "() => fetch('http://127.0.0.1:9/').then(() => 'reached', (error) => 'refused')"
    assert page.evaluate(elsewhere) == "refused"
    assert not [url for url in seen.requests if "127.0.0.1:9/" in url], "it is refused before anything is sent"


def test_no_page_may_frame_it(browser, server):
    page = browser.new_page()
    with page.expect_console_message(lambda message: "frame-ancestors" in message.text):
        page.set_content(f'<iframe src="{server.url}/"></iframe>')
    assert page.frames[1].url.startswith("chrome-error:")
    page.close()


def test_it_works_without_cookies_and_sets_none(visit, server):
    seen = visit(server)
    seen.allow("503")
    seen.open("/p/anything/")
    assert seen.context.cookies() == []
    assert re.search(r"require-trusted-types-for 'script'", POLICY)


def test_a_page_that_is_not_built_says_how(visit, server, tmp_path):
    server.app.state.bundle = Bundle(tmp_path)
    seen = visit(server)
    seen.allow("503")
    expect(seen.open("/").get_by_role("heading")).to_have_text("the web page is not built")
