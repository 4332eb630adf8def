from __future__ import annotations

import pytest

from localhai.system.credentials import masked_urls, secrets_in, secrets_of, without_secrets


@pytest.mark.parametrize(
    ("url", "secrets", "shown"),
    [
        ("https://user:p%40ss@host/a?b=1", ("p%40ss", "p@ss"), "https://user:***@host/a?b=1"),
        ("ftp://u:pass:word@host/a", ("pass:word",), "ftp://u:***@host/a"),
        (
            "https://b.s3.amazonaws.com/k?X-Amz-Credential=id&X-Amz-Signature=abc123&x=1",
            ("abc123",),
            "https://b.s3.amazonaws.com/k?X-Amz-Credential=id&X-Amz-Signature=***&x=1",
        ),
        ("https://h/a?sig=a%2Bb%3D#f", ("a%2Bb%3D", "a+b="), "https://h/a?sig=***#f"),
        ("azure://account/container/blob?sv=1&sig=xyz", ("xyz",), "azure://account/container/blob?sv=1&sig=***"),
        ("https://host/a?design=1&assigned=2", (), "https://host/a?design=1&assigned=2"),
        ("https://user@host/a", (), "https://user@host/a"),
        ("s3://bucket/a@b:c", (), "s3://bucket/a@b:c"),
        ("https://u:pw@host/x?v=1&apikey=def", ("pw", "def"), "https://u:***@host/x?v=1&apikey=***"),
        (" https://host/x?token=abc", ("abc",), " https://host/x?token=***"),
        ("http://u:p:q@host/x", ("p:q",), "http://u:***@host/x"),
        (" HTTPS://u:pw@host/x ", ("pw",), " HTTPS://u:***@host/x "),
        ("http://a@b:pw@host/x", ("pw",), "http://a@b:***@host/x"),
        ("http://user@host:8080/x", (), "http://user@host:8080/x"),
        ("http://host:8080/x?a=b:c@d", (), "http://host:8080/x?a=b:c@d"),
        ("http://host/x?Token=a&design=b#c", ("a",), "http://host/x?Token=***&design=b#c"),
        ("/plain/path?token=abc", (), "/plain/path?token=abc"),
        ("https://[broken", (), "https://[broken"),
    ],
)
def test_secrets_of_an_url_are_known_and_hidden(url: str, secrets: tuple[str, ...], shown: str) -> None:
    assert secrets_of(url) == secrets
    assert without_secrets(url) == shown
    assert list(secrets_in({"inputs": [{"uris": [url]}]})) == list(secrets)


def test_urls_are_found_in_any_text() -> None:
    said = "localhai run a --i=https://u:pw@h/x?sig=abc 'https://u:pw@h/y' no://thing"
    assert masked_urls(said) == "localhai run a --i=https://u:***@h/x?sig=*** 'https://u:***@h/y' no://thing"
