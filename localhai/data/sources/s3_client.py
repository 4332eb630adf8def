"""One boto3 client, made when it is first needed, and what its failures mean in plain words."""

from __future__ import annotations

import os
import threading
from contextlib import contextmanager
from functools import cache
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from localhai.data.sources.base import Changed, Cut, Unavailable, is_unknown_name
from localhai.system.retry import TRANSIENT_STATUSES, retry_after

if TYPE_CHECKING:
    from collections.abc import Iterator

    import boto3
    from botocore.config import Config
    from botocore.loaders import Loader
    from mypy_boto3_s3 import S3Client

    from localhai.data.emulated_s3 import EmulatedS3

# What S3 and its like say when another try may do, whatever the status is.
TRANSIENT_CODES = frozenset(
    {
        "BandwidthLimitExceeded",
        "InternalError",
        "OperationAborted",
        "PriorRequestNotComplete",
        "RequestLimitExceeded",
        "RequestThrottled",
        "RequestTimeout",
        "ServiceUnavailable",
        "SlowDown",
        "Throttling",
        "ThrottlingException",
        "TooManyRequests",
    }
)
_REASONS = {
    "NoSuchBucket": "there is no bucket {bucket}",
    "NoSuchKey": "there is no such key in the bucket",
    "404": "there is no such bucket or key",
    "403": "access is denied",
    "AccessDenied": "access is denied",
    "AllAccessDisabled": "access is denied",
    "InvalidAccessKeyId": "access is denied: S3 does not know the access key id",
    "SignatureDoesNotMatch": "access is denied: the secret access key is wrong",
    "ExpiredToken": "access is denied: the AWS session has expired, log in again",
    "400": "access is denied: the AWS credentials are not accepted",
    "PermanentRedirect": "the bucket is in another region: set AWS_DEFAULT_REGION",
    "InvalidObjectState": "it is archived in Glacier: restore it first",
}

_MAKING = threading.Lock()  # sessions share a loader, and botocore does not make clients in two threads at once


class S3Clients:
    """The client for `s3://`: the embedded S3 when there is one, else what AWS's own settings say.

    Without any credentials requests go out unsigned, which public buckets accept.
    """

    def __init__(self, *, emulated: EmulatedS3 | None = None, endpoint_url: str | None = None) -> None:
        self.emulated = emulated
        self.endpoint_url = endpoint_url
        self.unsigned = False
        self._client: S3Client | None = None
        self._lock = threading.Lock()

    @property
    def nearby(self) -> bool:
        """Whether S3 is on this machine."""
        return self.emulated is not None or urlsplit(self.endpoint_url or "").hostname in {
            "127.0.0.1",
            "::1",
            "localhost",
        }

    def client(self) -> S3Client:
        """The one client; it may be used from all threads."""
        with self._lock:
            if self._client is None:
                with plain_words():
                    self._client = self._make()
            return self._client

    def close(self) -> None:
        """Close the client's connections."""
        with self._lock:
            client, self._client = self._client, None
        if client is not None:
            client.close()

    def _make(self) -> S3Client:
        import warnings

        with _MAKING, warnings.catch_warnings():  # boto3 warns about Python versions near their end
            warnings.simplefilter("ignore")
            session = _session()
            client: S3Client = session.client("s3", **(self._for_emulated() or self._for_real(session)))
        return client

    def _for_emulated(self) -> dict[str, Any] | None:
        if self.emulated is None:
            return None
        return {
            "endpoint_url": self.emulated.endpoint_url,
            "region_name": self.emulated.region,
            "aws_access_key_id": self.emulated.access_key,
            "aws_secret_access_key": self.emulated.secret_key,
            "config": _config(s3={"addressing_style": "path"}, proxies={}),
        }

    def _for_real(self, session: boto3.Session) -> dict[str, Any]:
        from botocore import UNSIGNED

        self.unsigned = session.get_credentials() is None
        endpoint = self.endpoint_url or os.environ.get("AWS_ENDPOINT_URL_S3") or os.environ.get("AWS_ENDPOINT_URL")
        options: dict[str, Any] = {"signature_version": UNSIGNED} if self.unsigned else {}
        if endpoint and not _has_addressing_style(session):
            options["s3"] = {"addressing_style": "path"}  # MinIO and its like have no name per bucket
        return {
            "endpoint_url": self.endpoint_url,
            "region_name": session.region_name or "us-east-1",
            "config": _config(**options),
        }


def _session() -> boto3.Session:
    """A session with AWS's settings of this moment, and the descriptions of S3 that the process has read already."""
    import boto3
    import botocore.session

    core = botocore.session.get_session()
    loader = _loader(core.get_config_variable("data_path"))
    core.register_component("data_loader", loader)
    session = boto3.Session(botocore_session=core)
    loader.search_paths[:] = dict.fromkeys(loader.search_paths)  # every session adds boto3's own folder
    return session


@cache
def _loader(data_path: str | None) -> Loader:
    """Reads botocore's descriptions of services, which takes longer than all else about a client, and keeps them."""
    from botocore.loaders import create_loader

    return create_loader(data_path)


def _config(**options: Any) -> Config:
    from botocore.config import Config

    return Config(
        connect_timeout=10,
        read_timeout=60,
        # So that one part of a large upload is sent again by itself; what lasts longer is for the policy of retries.
        retries={"mode": "standard", "max_attempts": 3},
        max_pool_connections=32,
        **options,
    )


def _has_addressing_style(session: Any) -> bool:
    configured = session._session.get_scoped_config().get("s3")  # noqa: SLF001 - boto3 shows the profile nowhere else
    return isinstance(configured, dict) and "addressing_style" in configured


@contextmanager
def plain_words(bucket: str = "", *, unsigned: bool = False) -> Iterator[None]:
    """What botocore raises, as Unavailable, Cut or Changed."""
    import botocore.exceptions

    try:
        yield
    except botocore.exceptions.ClientError as error:
        raise _of_client_error(error, bucket, unsigned=unsigned) from error
    except botocore.exceptions.NoCredentialsError as error:
        raise Unavailable(
            "there are no AWS credentials: set AWS_PROFILE, or AWS_ACCESS_KEY_ID and its secret"
        ) from error
    except botocore.exceptions.SSLError as error:
        raise Unavailable(f"the certificate of S3 is not trusted: {error}") from error
    except (botocore.exceptions.HTTPClientError, botocore.exceptions.ConnectionError) as error:
        raise Unavailable(f"S3 does not answer: {error}", unreachable=True, lasting=is_unknown_name(error)) from error
    except botocore.exceptions.ParamValidationError as error:
        raise Unavailable(f"{bucket!r} is not a name that a bucket can have") from error
    except (botocore.exceptions.BotoCoreError, ValueError) as error:
        raise Unavailable(f"S3 cannot be asked: {error}") from error


def _of_client_error(error: Any, bucket: str, *, unsigned: bool) -> Exception:
    code = str(error.response.get("Error", {}).get("Code", ""))
    answer = error.response.get("ResponseMetadata", {})
    status = answer.get("HTTPStatusCode", 0)
    if code in {"PreconditionFailed", "412", "InvalidRange", "416"}:
        return Changed()
    if code in TRANSIENT_CODES or status in TRANSIENT_STATUSES:
        return Cut(f"S3 is busy ({code})", wait=retry_after(answer.get("HTTPHeaders", {}).get("retry-after")))
    reason = _REASONS.get(code, f"S3 refuses: {code} {error.response.get('Error', {}).get('Message', '')}".rstrip())
    if reason == "access is denied":
        reason += ": there are no AWS credentials, and it is not public" if unsigned else " to these AWS credentials"
    return Unavailable(reason.replace("{bucket}", repr(bucket)), missing=status == 404)  # noqa: PLR2004 - HTTP's not found
