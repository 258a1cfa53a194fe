"""S3-backed object store: MinIO, AWS, or any S3-compatible service with conditional writes.

Optimistic concurrency is by If-Match and If-None-Match.
"""

from __future__ import annotations

import contextlib
import itertools
import threading
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from functools import cache, cached_property
from pathlib import Path
from typing import Any, NoReturn, TypeVar

from chatbot.deadline import Deadline, watch_pools
from chatbot.errors import Conflict, Denied, Missing, NoBucket, StoreError, Unreachable
from chatbot.files import replacing
from chatbot.settings import StorageSettings
from chatbot.store.interface import MAX_OBJECT_BYTES, Entry, check_size
from chatbot.store.keys import check_key, check_prefix

T = TypeVar("T")

_MAKE = "python -m chatbot.storage make-bucket"
_CONFLICTS = {"PreconditionFailed", "ConditionalRequestConflict", "412", "409"}
_UNKNOWN = {
    "InvalidAccessKeyId",
    "SignatureDoesNotMatch",
    "InvalidToken",
    "ExpiredToken",
    "AuthorizationHeaderMalformed",
}
_CHUNK = 1 << 20
_LEAST_BYTES_PER_SECOND = 1 << 18
"""Rate below which a transfer is given up."""
_MAX_PAGES = 10_000
"""The most pages of a listing, of 1,000 keys each."""


class S3Store:
    """Implements `chatbot.store.interface.Store` on a bucket. Writes an object with one request: at most 5 GB."""

    def __init__(self, settings: StorageSettings, bucket: str, prefix: str) -> None:
        """Configure the store; does not connect.

        Args:
            prefix: prefix of every key, with a slash at the end; or empty.
        """
        self.bucket = bucket
        self._settings = settings
        self._prefix = prefix
        self._lock = threading.Lock()

    def __str__(self) -> str:
        return f"s3://{self.bucket}/{self._prefix} at {self.where}"

    @property
    def where(self) -> str:
        """Return the endpoint, for messages."""
        return self._settings.endpoint or "AWS"

    def put(self, key: str, content: bytes, *, new: bool = False, etag: str = "") -> str:
        condition = {"IfNoneMatch": "*"} if new else {"IfMatch": etag} if etag else {}
        with self._errors(key, size=len(content)):
            try:
                return self._put(key, content, condition)
            except self._exceptions.ClientError as error:
                # Idempotent retry: if a response was lost, the retry conflicts with the first attempt's own write.
                retried = error.response.get("ResponseMetadata", {}).get("RetryAttempts", 0)
                if not (condition and retried and _code(error) in _CONFLICTS):
                    raise
                found = self._client.get_object(Bucket=self.bucket, Key=self._prefix + key)
                if int(found["ContentLength"]) != len(content) or found["Body"].read() != content:
                    raise
                return _etag(found)

    def put_file(self, key: str, path: Path) -> str:
        with path.open("rb") as stream, self._errors(key, size=path.stat().st_size):
            return self._put(key, stream, {})

    def get(self, key: str, *, etag: str = "") -> bytes:
        def read(body: Any) -> bytes:
            content: bytes = body.read()
            return content

        return self._get(key, etag, read)

    def get_file(self, key: str, path: Path, max_bytes: int = MAX_OBJECT_BYTES) -> None:
        def write(body: Any) -> None:
            with replacing(path) as draft, draft.open("xb") as stream:
                for chunk in body.iter_chunks(_CHUNK):
                    stream.write(chunk)

        self._get(key, "", write, max_bytes)

    def head(self, key: str) -> Entry | None:
        check_key(key)
        with self._errors(key):
            try:
                found = self._client.head_object(Bucket=self.bucket, Key=self._prefix + key)
            except self._exceptions.ClientError as error:
                if _code(error) != "404":
                    raise
                # A HEAD response has no body, so it does not tell whether the object or the bucket is missing.
                with contextlib.suppress(Denied), self._errors(key, no_bucket=True):
                    self._client.head_bucket(Bucket=self.bucket)
                return None
            return Entry(key, int(found["ContentLength"]), _etag(found), _modified(found))

    def list(self, prefix: str = "", after: str = "") -> Iterator[Entry]:
        check_prefix(prefix)
        start = self._prefix + after if after else ""
        with self._errors(prefix or "its keys"):
            paginator = self._client.get_paginator("list_objects_v2")
        pages = iter(
            paginator.paginate(
                Bucket=self.bucket, Prefix=self._prefix + prefix, **({"StartAfter": start} if start else {})
            )
        )
        for number in itertools.count():
            with self._errors(prefix or "its keys"):  # not over the yields: the deadline is one of a request
                if (page := next(pages, None)) is None:
                    return
                if number == _MAX_PAGES:
                    raise StoreError(
                        f"{self} listed {_MAX_PAGES:,} pages of {prefix!r} and more follow: does a proxy answer for "
                        "it? If the store holds so many objects, delete those that nobody needs"
                    )
                start = self._check_page(page, self._prefix + prefix, start)
                entries = [
                    Entry(
                        found["Key"].removeprefix(self._prefix),
                        int(found["Size"]),
                        _etag(found),
                        _modified(found),
                    )
                    for found in page.get("Contents", ())
                ]
            yield from entries

    def _check_page(self, page: dict[str, Any], prefix: str, last: str) -> str:
        """Check one page of a listing, and return its last key.

        Erasure and retention must not take a login page, a page without its continuation, or one that repeats another
        for the end of the listing.

        Raises:
            Unreachable: the response is not a complete listing.
            StoreError: a key is not below the prefix, or comes out of order.
        """
        if "IsTruncated" not in page or (page["IsTruncated"] and not page.get("NextContinuationToken")):
            raise Unreachable(
                f"{self} did not return a complete listing of {prefix!r}: does a proxy answer for the store?"
            )
        for found in page.get("Contents", ()):
            key = found["Key"]
            if not key.startswith(prefix) or key.encode() <= last.encode():
                raise StoreError(f"{self} listed {key[:80]!r} out of order or outside {prefix!r}")
            last = key
        return str(last)

    def delete(self, key: str) -> None:
        check_key(key)
        with self._errors(key):
            self._client.delete_object(Bucket=self.bucket, Key=self._prefix + key)

    def make_bucket(self) -> bool:
        """Create the bucket. Idempotent.

        Returns: whether it was created; False: it existed.

        Raises: Denied: the credentials lack permission, or the bucket belongs to another account.
        """
        region = self._client.meta.region_name
        where = {} if region in ("us-east-1", "aws-global") else {"LocationConstraint": region}
        with self._errors("its bucket"):
            try:
                self._client.create_bucket(
                    Bucket=self.bucket, **({"CreateBucketConfiguration": where} if where else {})
                )
            except self._exceptions.ClientError as error:
                if _code(error) != "BucketAlreadyOwnedByYou":
                    raise
                return False
        return True

    def _put(self, key: str, body: Any, condition: dict[str, str]) -> str:
        check_key(key)
        return _etag(
            self._client.put_object(Bucket=self.bucket, Key=self._prefix + key, Body=body, **condition)
        )

    def _get(self, key: str, etag: str, read: Callable[[Any], T], max_bytes: int = MAX_OBJECT_BYTES) -> T:
        check_key(key)
        condition = {"IfMatch": etag} if etag else {}
        with self._errors(key) as limit:
            for attempt in range(1, self._settings.attempts + 1):
                try:
                    found = self._client.get_object(Bucket=self.bucket, Key=self._prefix + key, **condition)
                    if (size := int(found["ContentLength"])) > max_bytes:
                        found["Body"].close()
                    check_size(self, key, size, max_bytes)
                    limit.restart(self._seconds(size))
                    return read(found["Body"])
                except (self._exceptions.HTTPClientError, self._exceptions.IncompleteReadError):
                    # boto3 retries requests, but not reading the response body.
                    if attempt == self._settings.attempts:
                        raise
        raise AssertionError("the last attempt returns or raises")

    @cached_property
    def _exceptions(self) -> Any:
        from botocore import exceptions

        return exceptions

    @property
    def _client(self) -> Any:
        with self._lock:
            return self._made

    @cached_property
    def _made(self) -> Any:
        # Imported lazily: boto3 is slow to import.
        import boto3
        import botocore.session
        from botocore.awsrequest import AWSHTTPConnectionPool, AWSHTTPSConnectionPool
        from botocore.config import Config

        watch_pools(AWSHTTPConnectionPool, AWSHTTPSConnectionPool)

        settings = self._settings
        path_style = bool(settings.endpoint) if settings.path_style is None else settings.path_style
        config = Config(
            connect_timeout=settings.connect_seconds,
            read_timeout=settings.read_seconds,
            retries={"mode": "standard", "total_max_attempts": settings.attempts},
            s3={"addressing_style": "path" if path_style else "virtual"},
            signature_version="s3v4",
            # The signature covers the content; not every S3-compatible store supports the newer checksums.
            request_checksum_calculation="when_required",
            response_checksum_validation="when_required",
        )
        core = botocore.session.get_session()
        core.register_component("data_loader", _descriptions())
        session = boto3.session.Session(botocore_session=core)
        region = settings.region or session.region_name or "us-east-1"
        with self._errors("anything"):
            return session.client(
                "s3", endpoint_url=settings.endpoint or None, region_name=region, config=config
            )

    def _seconds(self, size: int = 0) -> float:
        """Return the total time of an operation: boto3's own timeouts begin again with every byte."""
        settings = self._settings
        return settings.attempts * (
            settings.connect_seconds + settings.read_seconds + size / _LEAST_BYTES_PER_SECOND
        )

    @contextlib.contextmanager
    def _errors(self, key: str, no_bucket: bool = False, size: int = 0) -> Iterator[Deadline]:
        """Translate boto3 errors into StoreError, naming the key; bound the time of sending `size` bytes."""
        limit = Deadline(self._seconds(size))
        with self._translated(key, no_bucket), limit:
            try:
                yield limit
            finally:
                if limit.expired:
                    raise Unreachable(
                        f"{self} has not finished with {key} in time, even if it still sends: "
                        "check the network and the store, or raise CHATBOT_STORE_READ_SECONDS"
                    )

    @contextlib.contextmanager
    def _translated(self, key: str, no_bucket: bool) -> Iterator[None]:
        wrong = self._exceptions
        try:
            yield
        except wrong.ClientError as error:
            self._explain(key, error, no_bucket)
        except (
            wrong.NoCredentialsError,
            wrong.PartialCredentialsError,
            wrong.CredentialRetrievalError,
        ) as error:
            raise Denied(
                f"{self}: no credentials found ({error}). Set AWS_ACCESS_KEY_ID and "
                "AWS_SECRET_ACCESS_KEY, or give the pod an identity"
            ) from error
        except (wrong.HTTPClientError, wrong.ConnectionError, wrong.IncompleteReadError) as error:
            raise Unreachable(f"{self} does not answer: {error}") from error
        except (wrong.BotoCoreError, ValueError) as error:
            raise StoreError(f"{self}: {error}. Check CHATBOT_STORE_URL, _ENDPOINT and _REGION") from error
        except (
            LookupError,
            TypeError,
            OverflowError,  # a time beyond year 9999
            RecursionError,
        ) as error:  # a field is missing; boto3 follows redirects for ever
            raise StoreError(
                f"{self} answered {key} with something that is not S3: {type(error).__name__}: {error}. "
                "Check CHATBOT_STORE_URL and _ENDPOINT"
            ) from error

    def _explain(self, key: str, error: Any, no_bucket: bool) -> NoReturn:
        code, status = _code(error), error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)
        said = error.response.get("Error", {}).get("Message", "") or code
        if code == "NoSuchBucket" or (no_bucket and status == 404):
            raise NoBucket(
                f"bucket {self.bucket!r} does not exist at {self.where}: create it with `{_MAKE}`",
                {"bucket": self.bucket},
            ) from error
        if code in _CONFLICTS:
            raise Conflict(
                f"{key} has changed since it was read, or already exists: read it again"
            ) from error
        if status == 404:
            raise Missing(f"{key} does not exist in {self}", {"key": key}) from error
        if code == "RequestTimeTooSkewed":
            raise Denied(
                f"{self}: this machine's clock is too far from the store's: set it ({said})"
            ) from error
        if code in _UNKNOWN:
            raise Denied(
                f"{self} does not know these credentials ({code}: {said}): check AWS_ACCESS_KEY_ID and "
                "AWS_SECRET_ACCESS_KEY, or the pod's identity"
            ) from error
        if status in (401, 403):
            raise Denied(f"{self}: these credentials may not do this with {key} ({code}: {said})") from error
        if status >= 500 or status == 429:
            raise Unreachable(f"{self} cannot do this now: {status} {code}: {said}") from error
        raise StoreError(f"{self}: {key}: {status} {code}: {said}") from error


@cache
def _descriptions() -> Any:
    """Load botocore's service descriptions, cached per process: most of the cost of creating a client."""
    from botocore.loaders import create_loader

    return create_loader()


def _code(error: Any) -> str:
    return str(error.response.get("Error", {}).get("Code", ""))


def _etag(found: Any) -> str:
    return str(found["ETag"])


def _modified(found: Any) -> datetime:
    # HEAD has a resolution of seconds, a listing of milliseconds.
    time: datetime = found["LastModified"]
    return time.astimezone(UTC).replace(microsecond=0)
