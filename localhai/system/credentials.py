"""What in an URL is a secret: its password, and what signs a link. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any
from urllib.parse import unquote, urlsplit

MASK = "***"
_SCHEME = r"\s*[A-Za-z][A-Za-z0-9+.-]*://"
_URL = r"[A-Za-z][A-Za-z0-9+.-]*://[^\s'\"<>`]+"
_SIGNATURE = (
    r"(?i)(?<=[?&])((?:x-amz-signature|x-amz-security-token|x-goog-signature|x-oss-signature|signature|sig|token"
    r"|access_token|private_token|auth_token|api_key|apikey|password|secret)=)([^&#\s]+)"
)


def secrets_of(url: str) -> tuple[str, ...]:
    """The password and signatures in an URL, as written and, where that differs, decoded; none in anything else."""
    if re.match(_SCHEME, url) is None:
        return ()
    try:
        password = urlsplit(url).password
    except ValueError:
        password = None
    written = [password or "", *(match[2] for match in re.finditer(_SIGNATURE, url))]
    return tuple(dict.fromkeys(form for text in written if text for form in (text, unquote(text))))


def secrets_in(value: Any) -> Iterator[str]:
    """The same for every text in a JSON value."""
    if isinstance(value, str):
        yield from secrets_of(value)
    elif isinstance(value, dict):
        for name, item in value.items():
            yield from secrets_in(name)
            yield from secrets_in(item)
    elif isinstance(value, (list, tuple)):
        for item in value:
            yield from secrets_in(item)


def without_secrets(url: str) -> str:
    """The URL for eyes and records: a password in it becomes `***`, signatures of signed links too."""
    match = re.match(_SCHEME, url)
    if match is None:
        return url
    netloc = re.split(r"[/?#]", url[match.end() :], maxsplit=1)[0]
    login, at, host = netloc.rpartition("@")
    if at and ":" in login:
        rest = url[match.end() + len(netloc) :]
        url = f"{match[0]}{login.split(':', 1)[0]}:{MASK}@{host}{rest}"
    return re.sub(_SIGNATURE, rf"\1{MASK}", url)


def masked_urls(text: str) -> str:
    """Any text, with the secrets in the URLs in it masked."""
    return re.sub(_URL, lambda match: without_secrets(match[0]), text)
