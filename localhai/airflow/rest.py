"""The platform's REST API over https: token, pages, and patience with a server that is busy. Knows no Airflow."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from localhai.airflow.platform import refuse_in_dev
from localhai.errors import SurroundingsError, UsageError
from localhai.system.retry import TRANSIENT_STATUSES, Attempts, Retry, retry_after
from localhai.system.text import clean_value

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    import requests

NOT_DONE = frozenset({429, 503})  # answers after which a POST may be sent again: nothing was made
LONGEST_PAUSE = 60.0
RETRY = Retry(attempts=6, first=1.0, longest=LONGEST_PAUSE, patience=300.0)
TIMEOUT = (10.0, 120.0)  # seconds to connect, and between two bytes
_SHOWN = 1000  # characters of an answer in a message
_UNAUTHORIZED = 401
_FORBIDDEN = 403


class RestClient:
    """One host and one token. `verify` as in requests: True, False, or a file with certificates.

    Every call raises UsageError for what another try cannot help (4xx), SurroundingsError for all else, and UsageError
    while LOCALHAI_MODE=dev, before anything is sent.
    """

    def __init__(
        self,
        address: str,
        token: str,
        *,
        verify: bool | str = True,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self.address = address.rstrip("/")
        self._token = token
        self._verify = verify
        self._sleep = sleep
        self._session: requests.Session | None = None

    def __repr__(self) -> str:
        return f"<RestClient {self.address}>"

    def close(self) -> None:
        """Close its connections."""
        if self._session is not None:
            self._session.close()
            self._session = None

    def get(self, path: str, **query: Any) -> Any:
        """The JSON of an answer. `path` starts after /api/v0/, or is a whole address of the same host."""
        return self._json(self._send("GET", path, params=query or None))

    def post(self, path: str, body: Mapping[str, Any] | None = None) -> Any:
        """The JSON of an answer, None where it has no body."""
        answer = self._send("POST", path, json=body)
        return self._json(answer) if answer.content else None

    def pages(self, path: str, **query: Any) -> Iterator[dict[str, Any]]:
        """The rows of a list, over all of its pages. Raises SurroundingsError for an answer of another shape."""
        page = self.get(path, **query)
        while True:
            if not isinstance(page, dict) or "results" not in page:
                raise SurroundingsError(f"{self.address} answered {path} with something that is no list")
            yield from page["results"]
            if not page.get("next"):
                return
            page = self.get(str(page["next"]))

    def _url(self, path: str) -> str:
        if "://" not in path:
            return f"{self.address}/api/v0/{path.lstrip('/')}"
        if urlsplit(path).netloc != urlsplit(self.address).netloc:
            raise SurroundingsError(f"{self.address} refers to another host, which gets no token: {path}")
        return path

    def _send(self, method: str, path: str, **arguments: Any) -> requests.Response:
        import requests

        url = self._url(path)
        refuse_in_dev(self.address)
        attempts = Attempts(RETRY)
        while True:
            try:
                answer = self._made_session().request(method, url, timeout=TIMEOUT, verify=self._verify, **arguments)
            except requests.exceptions.SSLError as error:
                raise SurroundingsError(
                    f"the certificate of {self.address} is not trusted: {error}",
                    hints=['for a host of your own: {"verify": "/path/to/ca.pem"} in the connection\'s extra'],
                ) from error
            except requests.exceptions.RequestException as error:
                may_help = method != "POST" or isinstance(error, requests.exceptions.ConnectTimeout)
                pause = attempts.again() if may_help else None
                if pause is None:
                    raise SurroundingsError(f"{self.address} does not answer: {error}") from error
            else:
                may_help = answer.status_code in (NOT_DONE if method == "POST" else TRANSIENT_STATUSES)
                asked = min(retry_after(answer.headers.get("Retry-After")), LONGEST_PAUSE)
                pause = attempts.again(asked) if may_help else None
                if pause is None:
                    return self._checked(method, path, answer)
            self._sleep(pause)

    def _made_session(self) -> requests.Session:
        if self._session is None:
            import requests

            self._session = requests.Session()
            self._session.auth = self._authorize  # ~/.netrc must not win
        return self._session

    def _authorize(self, request: Any) -> Any:
        request.headers["Authorization"] = f"Token {self._token}"
        return request

    def _checked(self, method: str, path: str, answer: requests.Response) -> requests.Response:
        status = answer.status_code
        if status < 400:  # noqa: PLR2004  # all from here on are errors
            return answer
        what = f"{method} {path} at {self.address}: {status} {answer.reason}"
        if status in {_UNAUTHORIZED, _FORBIDDEN}:
            raise UsageError(
                f"{what}: the token is not accepted", hints=["put an API token into the connection's password"]
            )
        said = answer.text.strip()[:_SHOWN]
        if status in TRANSIENT_STATUSES or status >= 500:  # noqa: PLR2004  # the server's own errors
            raise SurroundingsError(f"{what}: {said}")
        raise UsageError(f"{what}: {said}")

    def _json(self, answer: requests.Response) -> Any:
        try:
            return clean_value(answer.json())
        except ValueError as error:
            raise SurroundingsError(f"{self.address} answered {answer.url} with something that is no JSON") from error


def address_of(host: str | None, port: int | None, schema: str | None) -> str:
    """`https://HOST[:PORT]`, as the original plugin does it. http only where it is asked for in so many words."""
    text = (host or "").strip().rstrip("/")
    if not text:
        raise UsageError("the connection has no host", hints=["put app.valohai.com into the connection's host"])
    scheme = "http" if schema == "http" or text.startswith("http://") else "https"
    text = text.split("://", 1)[-1]
    if port and ":" not in text:
        text = f"{text}:{port}"
    return f"{scheme}://{text}"
