from __future__ import annotations

import pytest

from localhai.system.image_names import fault

HEX = "0123456789abcdef" * 4


@pytest.mark.parametrize(
    "name",
    [
        "python",
        "python:3.11-slim",
        "library/python",
        "localhost/x",
        "localhost:5000/x",
        "gcr.io/my-project/sub/x:tag",
        "Registry.Example/x",
        "127.0.0.1:5000/x",
        "[::1]:5000/x",
        "a_b/c__d/e---f.g",
        f"python@sha256:{HEX}",
        f"python:3@sha256:{HEX}",
        f"sha256:{HEX}",
        "x:_",
        "0ff",
    ],
)
def test_names_that_engines_understand(name):
    assert fault(name) is None


@pytest.mark.parametrize(
    ("name", "word"),
    [
        ("", "empty"),
        (" ", "empty"),
        ("a//b", "slash"),
        ("/x", "slash"),
        ("x/", "slash"),
        ("../x", "'..'"),
        ("../../containers/json", "'..'"),
        ("python:3.11/../x", "host"),
        ("a/../b", "'..'"),
        ("a..b", "'a..b'"),
        ("Python:3", "small letters: python"),
        ("team/Python", "small letters: python"),
        ("a b", "'a b'"),
        ("-x", "'-x'"),
        ("x:", "tag"),
        (":x", "empty"),
        ("x:y:z", "small letters and digits"),
        ("x:" + "t" * 129, "tag"),
        ("x@", "digest"),
        ("x@sha256:abc", "digest"),
        ("https://index.docker.io/python", "https://"),
        ("x" * 256, "255"),
        ("ümlaut", "'ümlaut'"),
        ("x\n", "'x\\n'"),
        ("x:1\n", "tag"),
        ("x\0y", "no part"),
    ],
)
def test_what_is_no_name_is_said_in_words(name, word):
    assert word in str(fault(name))
