"""The real service: two HTTP workers, two runner workers, the project's own bundle."""

from __future__ import annotations

import asyncio
import contextlib
import csv
import http.client
import json
import pickle
import socket
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from urllib.request import Request, urlopen

import pytest

from tests.bento.server import Server, crowd

pytestmark = pytest.mark.process


def test_a_message_is_answered_by_the_model_of_the_bundle(service: Server) -> None:
    status, reply = service.post("/chat", {"message": "I want my money back for this order"})
    assert status == 200
    assert reply["intent"] in ("get_refund", "check_refund_policy", "track_refund")
    assert reply["model_version"] == json.loads(service.get("/version")[1])["model_version"]


def test_version_and_intents_say_what_is_in_the_bundle(service: Server, bundle_folder: object) -> None:
    version = json.loads(service.get("/version")[1])
    assert len(version["bundle_digest"]) == 64
    assert version["model_version"] == version["bundle_digest"][:12]
    intents = json.loads(service.get("/intents")[1])
    assert {"get_refund", "cancel_order"} <= {intent["name"] for intent in intents}
    assert not any("{" in intent["reply"] for intent in intents)


def likeliest(answer: Mapping[str, object]) -> object:
    alternatives = answer["alternatives"]
    assert isinstance(alternatives, list)
    return alternatives[0]["intent"]


def test_a_thousand_concurrent_messages_get_the_same_answers_as_single_ones(
    service: Server, distinct_messages: Sequence[str]
) -> None:
    together = asyncio.run(crowd(service.url, distinct_messages, 64))
    assert together.statuses == {200: 1000}
    assert len({str(a["prediction_id"]) for a in together.answers.values()}) == 1000
    queries = service.logged_queries(answer["prediction_id"] for answer in together.answers.values())
    for message, answer in together.answers.items():
        assert queries[str(answer["prediction_id"])] == (message, answer["intent"])
    # An int8 encoder rounds by what else is in its batch: what is at a threshold may be decided otherwise alone,
    # but the likeliest intent of a clear message stays.
    for message in distinct_messages[::5]:
        _, alone = service.post("/chat", {"message": message})
        if float(str(alone["confidence"])) > 0.8:
            assert likeliest(together.answers[message]) == likeliest(alone), message


def test_metrics_of_both_http_workers_add_up_to_the_requests_that_were_sent(
    service: Server, distinct_messages: Sequence[str]
) -> None:
    assert len(service.workers("SupportChatbot")) == 2
    answered = r'chatbot_requests_total\{route="/chat",status="200"\}'
    written = r'chatbot_log_records_total\{outcome="written"\}'
    service.assert_metric("chatbot_in_flight", 0)  # nothing of an earlier test is still to be counted
    before, logged_before = service.metric(answered), service.metric(written)
    batched_before = service.metric("chatbot_batch_size_sum")
    load = asyncio.run(crowd(service.url, distinct_messages[:300], 32))
    assert load.statuses == {200: 300}
    service.assert_metric(answered, before + 300)
    for _ in range(5):  # whichever worker is asked
        assert service.metric(answered) - before == 300
    by_rule = sum(answer["source"] == "rule" for answer in load.answers.values())
    service.assert_metric("chatbot_batch_size_sum", batched_before + 300 - by_rule)
    service.assert_metric(written, logged_before + 300)
    service.assert_metric("chatbot_in_flight", 0)
    assert service.metric(r"chatbot_max_in_flight") == 256 * len(service.workers("SupportChatbot"))
    assert service.metric(r"chatbot_model_info") == 1
    assert service.metric(r'chatbot_request_duration_seconds_count\{route="/chat"\}') >= 300
    assert service.metric("bentoml_service_adaptive_batch_size_count") > 0


def test_gathering_makes_batches_larger_than_one(service: Server, distinct_messages: Sequence[str]) -> None:
    messages, calls = service.metric("chatbot_batch_size_sum"), service.metric("chatbot_batch_size_count")
    asyncio.run(crowd(service.url, distinct_messages[:200], 64))
    mean = (service.metric("chatbot_batch_size_sum") - messages) / (
        service.metric("chatbot_batch_size_count") - calls
    )
    assert mean > 2


def test_every_answered_message_is_in_the_log_once(service: Server, distinct_messages: Sequence[str]) -> None:
    load = asyncio.run(crowd(service.url, distinct_messages[:100], 16))
    logged = service.logged_ids()
    assert all(logged[str(answer["prediction_id"])] == 1 for answer in load.answers.values())


def test_feedback_is_taken_by_whichever_worker_gets_it(service: Server) -> None:
    _, reply = service.post("/chat", {"message": "where is my parcel"})
    for helpful in (True, False, True, False):
        note = {"prediction_id": reply["prediction_id"], "helpful": helpful, "intent": "track_order"}
        assert service.post("/feedback", note)[0] == 202
    text = "".join(file.read_text() for file in service.log_folder.rglob("*feedback*") if file.is_file())
    assert str(reply["prediction_id"]) in text


def test_a_body_of_a_megabyte_is_answered_413_with_and_without_a_length(service: Server) -> None:
    status, problem = service.post("/chat", b"x" * (1 << 20))
    assert status == 413
    assert problem["error"]["type"] == "too_large"  # type: ignore[index]
    chunks = (b"x" * 65_536 for _ in range(16))
    request = Request(service.url + "/chat", data=chunks, headers={"Content-Type": "application/json"})  # type: ignore[arg-type]
    with pytest.raises(Exception, match="413"):
        urlopen(request, timeout=10)


def test_readiness_and_liveness_are_bentomls_and_unknown_routes_are_ours(service: Server) -> None:
    assert service.get("/livez")[0] == 200
    assert service.get("/readyz")[0] == 200
    status, text = service.get("/nothing")
    assert status == 404
    assert json.loads(text)["error"]["type"] == "not_found"
    assert json.loads(service.get("/chat")[1])["error"]["type"] == "method_not_allowed"


def raw(service: Server, *parts: bytes, pause: float = 0.0, seconds: float = 20) -> bytes:
    """What comes back for some bytes on a socket."""
    with socket.create_connection(("127.0.0.1", service.port), timeout=seconds) as connection:
        for part in parts:
            connection.sendall(part)
            time.sleep(pause)
        received = b""
        try:
            while chunk := connection.recv(65_536):
                received += chunk
                if b"\r\n\r\n" in received:
                    break
        except TimeoutError:
            pass
        return received


@pytest.mark.parametrize(
    "request_bytes",
    [
        b"GARBAGE\r\n\r\n",
        b"POST /chat HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: -1\r\n\r\n",
        b"POST /chat HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: 1e9\r\n\r\n",
        b"POST /chat HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\nZZ\r\n",
        b"GET /%00%ff%fe HTTP/1.1\r\nHost: localhost\r\n\r\n",
        b"GET /" + b"a" * 60_000 + b" HTTP/1.1\r\nHost: localhost\r\n\r\n",
        b"POST /chat HTTP/1.1\r\nHost: localhost\r\nContent-Length: 2\r\n\r\n{}",
    ],
    ids=lambda request: repr(request[:40]),
)
def test_malformed_http_is_refused_without_effect_on_others(service: Server, request_bytes: bytes) -> None:
    answer = raw(service, request_bytes, seconds=3)
    assert not answer.startswith(b"HTTP/1.1 5"), answer[:200]
    assert service.post("/chat", {"message": "I want a refund"})[0] == 200


@pytest.mark.parametrize("count", [1_500, pytest.param(10_000, marks=pytest.mark.certify)])
def test_thousands_of_connections_at_once_are_each_answered_or_refused_and_never_with_a_5xx(
    service: Server, count: int
) -> None:
    import resource

    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    count = min(count, hard - 1_000)
    request = b'{"message": "I want a refund"}'
    head = (
        b"POST /chat HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n"
        % len(request)
    )

    async def connect_all() -> list[int]:
        connections = []
        for _ in range(count):
            connections.append(await asyncio.open_connection("127.0.0.1", service.port))
        for _, writer in connections:
            writer.write(head + request)

        async def status(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> int:
            try:
                async with asyncio.timeout(60):
                    line = await reader.readline()
                return int(line.split()[1]) if line else 0
            except (OSError, TimeoutError):
                return 0
            finally:
                writer.close()

        return await asyncio.gather(*(status(*connection) for connection in connections))

    try:
        statuses = asyncio.run(connect_all())
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    assert set(statuses) <= {200, 429}, {s: statuses.count(s) for s in set(statuses)}
    assert statuses.count(200) >= 100
    assert service.post("/chat", {"message": "I want a refund"})[0] == 200


def test_clients_that_never_finish_their_body_do_not_block_others(service: Server) -> None:
    head = b"POST /chat HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: 1000\r\n\r\n{"
    slow = [socket.create_connection(("127.0.0.1", service.port)) for _ in range(600)]
    try:
        for connection in slow:
            connection.sendall(head)
        time.sleep(0.3)
        assert service.post("/chat", {"message": "I want a refund"})[0] == 200
        # It was not answered only when they were given up.
        slow[-1].setblocking(False)
        with pytest.raises(BlockingIOError):
            slow[-1].recv(1)
    finally:
        for connection in slow:
            connection.close()


def test_clients_that_hang_up_while_they_wait_leave_nothing_behind(service: Server) -> None:
    body = b'{"message": "I want a refund"}'
    head = (
        b"POST /chat HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n"
        % len(body)
    )

    def hang_up() -> None:
        for _ in range(50):
            with socket.create_connection(("127.0.0.1", service.port)) as connection:
                connection.sendall(head + body)

    threads = [threading.Thread(target=hang_up) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    service.assert_metric("chatbot_in_flight", 0, seconds=20)
    assert service.post("/chat", {"message": "I want a refund"})[0] == 200


def test_memory_stays_within_what_the_chart_asks_for(service: Server) -> None:
    for name, limit in (("SupportChatbot", 225), ("IntentRunner", 325)):
        workers = service.workers(name)
        assert workers, f"no process is called {name}"
        for worker in workers:
            assert worker.memory_info().rss / 2**20 <= limit, name


def test_nothing_that_users_did_so_far_wrote_a_traceback(service: Server) -> None:
    assert "Traceback" not in service.output


def test_the_log_is_csv_with_the_contracts_columns_first(service: Server) -> None:
    _, reply = service.post("/chat", {"message": "I want a refund"})
    service.logged_queries([reply["prediction_id"]])
    with (service.log_folder / "inference_log.csv").open(newline="") as file:
        rows = list(csv.reader(file))
    assert rows[0][:4] == ["timestamp", "query", "intent", "confidence"]
    assert all(len(row) == len(rows[0]) for row in rows)
    about = json.loads(service.get("/version")[1])
    named = {(row[rows[0].index("model_version")], row[rows[0].index("bundle_digest")]) for row in rows[1:]}
    assert named == {(about["model_version"], about["bundle_digest"])}


@pytest.fixture(scope="module")
def ungathered(start: Callable[..., Server]) -> Iterator[Server]:
    """A server that asks its runner for every message by itself."""
    server = start(CHATBOT_GATHER="false", CHATBOT_MAX_CONCURRENCY="64")
    yield server
    server.stop()


def runner_socket(server: Server) -> Path:
    """The socket that the runner listens on."""
    sockets = server.workers("IntentRunner")[0].net_connections(kind="unix")
    return next(Path(found.laddr) for found in sockets if "bentoml-uds-" in found.laddr)


def test_the_runners_socket_takes_no_pickle(ungathered: Server) -> None:
    path = runner_socket(ungathered)
    marker = ungathered.home / "pickled"

    class Evil:
        def __reduce__(self) -> tuple[object, tuple[object, ...]]:
            return open, (str(marker), "w")

    body = pickle.dumps({"messages": Evil()})
    with socket.socket(socket.AF_UNIX) as connection:
        connection.connect(str(path))
        connection.settimeout(10)
        connection.sendall(
            b"POST /classify HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n"
            b"Content-Type: application/vnd.bentoml+pickle\r\nContent-Length: %d\r\n\r\n%b"
            % (len(body), body)
        )
        answer = connection.recv(65_536)
    assert answer.startswith(b"HTTP/1.1 400"), answer[:200]
    assert not marker.exists()


def test_the_runners_socket_is_accessible_only_to_its_owner(ungathered: Server) -> None:
    assert runner_socket(ungathered).parent.stat().st_mode & 0o077 == 0


def test_without_gathering_separate_callers_still_make_batches_in_bentomls_own_metric(
    ungathered: Server, distinct_messages: Sequence[str]
) -> None:
    histogram = "bentoml_service_adaptive_batch_size"

    def shared() -> float:
        """Count the messages that were in a batch with others."""
        return ungathered.metric(f"{histogram}_sum") - ungathered.metric(rf'{histogram}_bucket\{{le="1\.0"')

    before = shared()
    load = asyncio.run(crowd(ungathered.url, distinct_messages[:300], 64))
    assert load.statuses == {200: 300}
    assert shared() - before > 100


def test_more_callers_than_the_service_takes_get_429_with_retry_after_and_the_others_their_answer(
    ungathered: Server, distinct_messages: Sequence[str]
) -> None:
    load = asyncio.run(crowd(ungathered.url, distinct_messages[:600], 300))
    assert set(load.statuses) == {200, 429}
    assert load.statuses[200] >= 64
    assert set(load.retry_after) == {"1"}


def test_the_server_that_is_started_has_the_protocols_limits(service: Server) -> None:
    """uvicorn's own protocol would take a head of any size, and lose the body of a request that offers h2c."""
    # The reset that follows an answer to a client that still sends may overtake the answer: the metric decides.
    with (
        socket.create_connection(("127.0.0.1", service.port), timeout=10) as connection,
        contextlib.suppress(BrokenPipeError, ConnectionResetError),
    ):
        connection.sendall(b"GET /version HTTP/1.1\r\nHost: localhost\r\nX: " + b"a" * 100_000)
        assert connection.recv(4096).startswith(b"HTTP/1.1 431 ")
    assert service.metric(r'chatbot_requests_total\{route="other",status="431"\}') >= 1
    body = b'{"message": "I want a refund"}'
    head = (
        b"POST /chat HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\n"
        b"HTTP2-Settings: AAEAAEAAAAIAAAABAAMAAABkAAQBAAAAAAUAAEAA\r\nContent-Type: application/json\r\n"
        b"Content-Length: %d\r\n\r\n" % len(body)
    )
    with socket.create_connection(("127.0.0.1", service.port), timeout=10) as connection:
        connection.sendall(head + body)
        response = http.client.HTTPResponse(connection)
        response.begin()
        assert json.loads(response.read())["intent"] == "get_refund"
