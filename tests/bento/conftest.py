"""The service under test: as real processes, and as an app in this process with a model made of paper."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import pytest

from tests.bento.paper import Api, paper_api
from tests.bento.server import Server


@pytest.fixture(scope="session")
def start(bundle_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[..., Server]]:
    """Starts servers with the given settings, and stops them at the end."""
    started: list[Server] = []

    def start(**environment: str) -> Server:
        settings = {"CHATBOT_BUNDLE": str(bundle_folder), "CHATBOT_RUNNER_WORKERS": "2"} | environment
        server = Server(tmp_path_factory.mktemp("server"), settings)
        started.append(server)
        return server.start()

    yield start
    for server in started:
        if server.process is not None and server.process.poll() is None:
            server.stop()


@pytest.fixture(scope="session")
def service(start: Callable[..., Server]) -> Server:
    """The service with two HTTP workers and two runner workers, and deadlines that a busy machine keeps."""
    return start(CHATBOT_WORKERS="2", CHATBOT_HEAD_SECONDS="60", CHATBOT_TIMEOUT_SECONDS="60")


@pytest.fixture
def api() -> Api:
    """The whole app in this process; each message is classified by what it says."""
    return paper_api()


@pytest.fixture(scope="session")
def distinct_messages() -> Sequence[str]:
    """A thousand different messages that the model, and no rule, decides."""
    verbs = (
        "return",
        "exchange",
        "find",
        "change",
        "cancel",
        "pay for",
        "receive",
        "see",
        "correct",
        "track",
    )
    things = (
        "order",
        "invoice",
        "parcel",
        "address",
        "refund",
        "account",
        "card",
        "newsletter",
        "gift",
        "payment",
    )
    endings = (
        "",
        " today",
        " please",
        " now",
        " online",
        " by phone",
        " from abroad",
        " again",
        " quickly",
        " myself",
    )
    return [f"how do I {v} my {t}{e}?" for v in verbs for t in things for e in endings]
