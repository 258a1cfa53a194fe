"""An S3 store, or a proxy before it, answers with something else: nobody takes that for an empty or whole store."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

import pytest

from chatbot.errors import StoreError
from chatbot.settings import StorageSettings
from chatbot.store import Store, open_store, s3
from tests.support.http_server import LoopbackServer, Request, Response

pytestmark = pytest.mark.process

_OBJECT = (
    "<Contents><Key>{}</Key><LastModified>2026-11-28T00:00:00.000Z</LastModified>"
    '<ETag>"e"</ETag><Size>3</Size></Contents>'
)


def listing(*keys: str, truncated: bool = False, more: str = "") -> str:
    objects = "".join(map(_OBJECT.format, keys))
    return f"<ListBucketResult><IsTruncated>{str(truncated).lower()}</IsTruncated>{objects}{more}</ListBucketResult>"


_BOMB = (
    '<!DOCTYPE l [<!ENTITY a "' + "a" * 50 + '">'
    + "".join(f'<!ENTITY {chr(98 + i)} "{f"&{chr(97 + i)};" * 20}">' for i in range(9))
    + "]><ListBucketResult><IsTruncated>false</IsTruncated><Prefix>&j;</Prefix></ListBucketResult>"
)  # fmt: skip


@dataclass
class Answers(LoopbackServer):
    """Answers every request with one body, or with the next of `pages`, and the headers."""

    status: int = 200
    body: str = ""
    headers: Mapping[str, str] = field(default_factory=dict)
    pages: Iterator[str] | None = None

    def respond(self, request: Request) -> Response:
        if self.pages is not None:
            self.body = next(self.pages)
        return self.status, self.headers, self.body.encode()


@pytest.fixture
def answers() -> Iterator[Answers]:
    server = Answers().start()
    yield server
    server.stop()


@pytest.fixture
def store(answers: Answers, monkeypatch: pytest.MonkeyPatch) -> Store:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "key")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "secret")
    return open_store(StorageSettings(url="s3://bucket/p", endpoint=answers.url, read_seconds=30, attempts=1))


def test_a_complete_listing_is_read(answers: Answers, store: Store) -> None:
    answers.body = listing("p/d/a", "p/d/b")
    assert [entry.key for entry in store.list("d/")] == ["d/a", "d/b"]


@pytest.mark.parametrize(
    "body",
    [
        "<html><body>Log in</body></html>",
        "",
        listing("p/d/a", truncated=True),
        listing("p/d/b", "p/d/a"),
        listing("p/d/a", "p/d/a"),
        listing("../../etc/x"),
        listing("p/e/x"),
        listing(more="<Contents><Key>p/d/a</Key><Size>3</Size></Contents>"),
        listing(more="<Contents><Size>3</Size></Contents>"),
        listing("p/d/a")[:-30],
        listing("p/d/a").replace("2026-11-28T00:00:00.000Z", "9999-12-31T23:59:59-14:00"),
        _BOMB,
    ],
    ids=["a login page", "nothing", "truncated without a continuation", "out of order", "repeated", "outside",
         "other prefix", "no ETag", "no key", "cut off", "no such time", "XML bomb"],
)  # fmt: skip
def test_what_is_not_a_complete_listing_of_the_prefix_is_an_error(
    answers: Answers, store: Store, body: str
) -> None:
    answers.body = body
    with pytest.raises(StoreError):
        list(store.list("d/"))


def test_a_listing_that_never_ends_is_an_error(answers: Answers, store: Store) -> None:
    answers.body = listing("p/d/a", truncated=True, more="<NextContinuationToken>t</NextContinuationToken>")
    with pytest.raises(StoreError, match="out of order"):
        list(store.list("d/"))


@pytest.mark.parametrize("keys", [0, 1])
def test_a_listing_whose_ordered_pages_never_end_is_an_error(
    answers: Answers, store: Store, keys: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(s3, "_MAX_PAGES", 20)
    answers.pages = (
        listing(
            *(f"p/d/{number:09}" for _ in range(keys)),
            truncated=True,
            more=f"<NextContinuationToken>{number}</NextContinuationToken>",
        )
        for number in range(1_000)
    )
    listed = store.list("d/")
    assert len(list(itertools.islice(listed, 20 * keys))) == 20 * keys
    with pytest.raises(StoreError, match="20 pages of 'd/' and more follow"):
        next(listed)


def test_metadata_without_etag_or_time_and_a_circle_of_redirects_are_errors(
    answers: Answers, store: Store
) -> None:
    with pytest.raises(StoreError):
        store.head("a")
    with pytest.raises(StoreError):
        store.put("a", b"x")
    answers.status, answers.headers = 301, {"location": "http://127.0.0.1:1/"}
    with pytest.raises(StoreError):
        store.get("a")
