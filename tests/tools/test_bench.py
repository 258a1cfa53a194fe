"""The load generator against a real server of known behaviour, and the page of results."""

from __future__ import annotations

import asyncio
import json
import math
import os
import random
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from chatbot.documents import read_yaml
from tools.bench import figures, results
from tools.bench.figures import Figure
from tools.bench.quality import command as quality
from tools.bench.rows import SpeedRow, judged, summary
from tools.bench.speed import open_loop
from tools.bench.speed.load import Load, Question, generate, post
from tools.bench.speed.machine import tree_memory
from tools.bench.speed.servers import BenchError, running
from tools.bench.speed.stress import probing
from tools.processes import StepError, free_port

pytestmark = pytest.mark.process


class Server:
    """Does what a message says: `after 30` (ms), `status 429`, `drop`, `text <not JSON>`, `silence`, ..."""

    def __init__(self) -> None:
        self.port = 0
        self.asked: Counter[tuple[str, int]] = Counter()
        self.connections = 0
        self.took: list[float] = []
        """How long each request took in here, in milliseconds."""
        self._loop = asyncio.new_event_loop()
        self._up = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)

    def __enter__(self) -> Server:
        self._thread.start()
        self._up.wait(5)
        return self

    def __exit__(self, *_: object) -> None:
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(5)

    def _run(self) -> None:
        server = self._loop.run_until_complete(asyncio.start_server(self._serve, "127.0.0.1", 0, backlog=512))
        self.port = server.sockets[0].getsockname()[1]
        self._up.set()
        self._loop.run_forever()
        server.close()
        for task in asyncio.all_tasks(self._loop):
            task.cancel()
        self._loop.run_until_complete(asyncio.sleep(0))

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        while head := await self._head(reader):
            length = int(head.lower().split(b"content-length:")[1].split(b"\r\n")[0])
            request = json.loads(await reader.readexactly(length))
            began = time.perf_counter()
            message = request["message"]
            self.asked[message, request["number"]] += 1
            verb, _, rest = message.partition(" ")
            status, headers, body = "200 OK", b"", json.dumps({"intent": "get_refund"}).encode()
            if verb == "after":
                await asyncio.sleep(float(rest) / 1000)
            elif verb == "intent":
                body = json.dumps({"intent": rest}).encode()
            elif verb == "status":
                status = f"{rest} Whatever"
            elif verb == "text":
                body = rest.encode()
            elif verb == "silence":
                await reader.read()  # until the client hangs up
                break
            elif verb == "close":
                headers = b"Connection: close\r\n"
            elif verb == "drop":
                break
            answer = (
                f"HTTP/1.1 {status}\r\nContent-Length: {len(body)}\r\n".encode() + headers + b"\r\n" + body
            )
            if verb == "pieces":
                for at in range(0, len(answer), 7):
                    writer.write(answer[at : at + 7])
                    await writer.drain()
                    await asyncio.sleep(0.0005)
            else:
                writer.write(answer)
            self.took.append(1000 * (time.perf_counter() - began))
            if verb == "close":
                break
        writer.close()

    @staticmethod
    async def _head(reader: asyncio.StreamReader) -> bytes:
        try:
            return await reader.readuntil(b"\r\n\r\n")
        except (asyncio.IncompleteReadError, ConnectionError):
            return b""


@pytest.fixture
def server() -> Iterator[Server]:
    with Server() as running:
        yield running


def questions(
    server: Server, *messages: tuple[str, int], near: frozenset[str] = frozenset()
) -> list[Question]:
    """Each message as often as said, all different, mixed."""
    made = [
        Question(
            post("/chat", json.dumps({"message": text, "number": number}).encode(), server.port),
            "get_refund",
            near,
        )
        for text, count in messages
        for number in range(count)
    ]
    random.Random(0).shuffle(made)
    return made


def test_every_kind_of_failure_is_counted_under_its_name(server: Server) -> None:
    asked = questions(
        server,
        ("fine", 60),
        ("intent track_refund", 5),
        ("status 429", 4),
        ("status 503", 2),
        ("text <html>", 3),
        ("text []", 2),
        ('text {"label": 1}', 1),
        ("drop", 3),
        ("silence", 1),
    )
    load = generate(server.port, asked, 4, seconds=30, warmup=0, timeout=2)
    assert load.errors == {
        "wrong intent": 5,
        "status 429": 4,
        "status 503": 2,
        "not JSON": 3,
        "no intent": 3,
        "connection lost": 3,
        "timeout": 1,
    }
    assert load.total == 60
    assert load.near_ties == 0


def test_an_intent_as_good_as_a_tie_is_right_and_counted(server: Server) -> None:
    asked = questions(server, ("fine", 20), ("intent track_refund", 6), near=frozenset({"track_refund"}))
    load = generate(server.port, asked, 3, seconds=5, warmup=0)
    assert (load.near_ties, load.total, load.errors) == (6, 26, {})


def test_every_message_is_sent_once_and_then_it_stops(server: Server) -> None:
    asked = questions(server, ("fine", 300))
    load = generate(server.port, asked, 16, seconds=30, warmup=0)
    assert set(server.asked.values()) == {1}
    assert sum(server.asked.values()) == 300
    assert load.seconds < 25  # and not the 30 seconds that it may take


def test_latencies_are_those_of_the_server(server: Server) -> None:
    asked = questions(server, ("after 25", 570), ("after 250", 30))
    load = generate(server.port, asked, 8, seconds=30, warmup=0)
    really50, really90, really99 = np.percentile(server.took, (50, 90, 99))
    assert 25 <= load.percentile(50) < 2.4 * really50
    assert load.percentile(90) < min(250, 4 * really90)
    assert 250 <= load.percentile(99) < 1.3 * really99
    # Eight clients, 36.25 ms a request: 220 a second at most; and none of them is ever without a request.
    assert load.per_second < 225
    assert 0.8 * 8 < load.per_second * np.mean(load.latencies) < 8.2


def test_the_warm_up_counts_for_errors_only(server: Server) -> None:
    asked = questions(server, ("after 20", 10_000))
    began = time.perf_counter()
    load = generate(server.port, asked, 2, seconds=0.5, warmup=0.5)
    assert 0.45 < load.seconds <= time.perf_counter() - began - 0.45
    assert sum(server.asked.values()) > load.answered + 10
    assert abs(load.answered - len(load.latencies)) <= 2


def test_an_answer_in_pieces_is_put_together(server: Server) -> None:
    load = generate(server.port, questions(server, ("pieces", 10)), 2, seconds=10, warmup=0)
    assert (load.total, load.errors) == (10, {})


def test_a_server_that_closes_after_each_answer_is_asked_on_new_connections(server: Server) -> None:
    load = generate(server.port, questions(server, ("close", 12)), 2, seconds=5, warmup=0)
    assert (load.total, load.errors) == (12, {})
    assert server.connections >= 12


def test_a_refused_connection_is_an_error() -> None:
    load = generate(free_port(), [Question(b"", "get_refund")], 1, seconds=0.3, warmup=0)
    assert load.answered == 0
    assert load.errors["no connection"] >= 1


def test_messages_of_an_open_loop_arrive_at_their_rate_however_slow_the_answers_are(server: Server) -> None:
    asked = questions(server, ("after 300", 2_000))
    arrivals = open_loop.generate(server.port, asked, rate=200, seconds=2, warmup=0.3)
    # 400 are due, with a standard deviation of 20; a closed loop over 64 connections would send 213 a second at most.
    assert 320 < arrivals.offered < 480
    assert arrivals.load.errors == {}
    assert len(arrivals.load.latencies) == arrivals.offered
    assert arrivals.share_in_time == 0
    assert not arrivals.is_sustained
    assert arrivals.load.percentile(0) > 290  # a timer may end a millisecond early


def test_a_message_of_an_open_loop_that_is_refused_is_not_repeated(server: Server) -> None:
    asked = questions(server, ("fine", 100), ("status 429", 100))
    arrivals = open_loop.generate(server.port, asked, rate=400, seconds=5, warmup=0)
    assert sum(server.asked.values()) == 200
    assert arrivals.load.errors == {"status 429": 100}
    assert arrivals.load.total == 100
    assert not arrivals.is_sustained


def test_a_failed_health_probe_is_counted_with_its_reason() -> None:
    with probing(free_port()) as probes:
        time.sleep(0.8)
    assert probes.sent >= 2
    assert set(probes.failed) == {"/livez: ConnectionRefusedError", "/readyz: ConnectionRefusedError"}


def test_memory_is_of_the_whole_tree_of_processes() -> None:
    held = "held = bytearray(80_000_000); print(flush=True); input()"
    child = (
        f"import subprocess, sys; subprocess.run([sys.executable, '-c', '{held}'], stderr=subprocess.DEVNULL)"
    )
    with subprocess.Popen(
        [sys.executable, "-c", child], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as process:
        assert process.stdout is not None
        process.stdout.readline()
        found = tree_memory(process.pid)
        process.communicate()
    assert len(found) == 2
    assert found[0].rss < 60_000_000 < found[1].pss <= found[1].rss
    assert os.getpid() not in {memory.pid for memory in found}


def test_a_figure_says_whether_and_by_how_much_it_was_missed() -> None:
    f1 = Figure("macro F1", 89.5, 90, "at least", " %", "python -m x")
    assert (f1.met, f1.target_text, f1.show(f1.value), f1.verdict) == (
        False,
        "≥ 90.00 %",
        "89.50 %",
        "missed by 0.50 points",
    )
    assert Figure("p99", 80, 100, "at most", " ms", "x", digits=0).verdict == "met by 20 ms"
    assert Figure("p99", None, 100, "at most", " ms", "x").verdict == "not measured"


def test_the_page_is_made_of_the_json_and_names_a_command_for_each_figure(tmp_path: Path) -> None:
    quality, speed = tmp_path / "quality.json", tmp_path / "speed.json"
    figures.write(
        quality, [Figure("macro F1 on Bitext", 91.26, 90, "at least", " %", "python -m tools.bench.quality")]
    )
    line = {"side": "service", "connections": 64, "per_second": 1234.5, "p50": 1, "p95": 2, "p99": 3.25}
    line |= {"answered": 9, "near_ties": 0, "errors": {"status 429": 2}, "generator_us": 20}
    figures.write(
        speed,
        [Figure("errors", 2, 0, "at most", "", "python -m tools.bench.speed", digits=0)],
        table=[line],
        memory={"service": [{"role": "IntentRunner", "rss_mb": 210.0, "pss_mb": 180.0}]},
        start_seconds={"service": [3.5]},
        messages={"source": "Bitext", "of_service": 100, "of_baseline": 50},
        plan={"rounds": 3, "seconds": 9, "warmup": 2},
        others_busy_cores=0.0,
    )
    more = tmp_path / "more"
    more.mkdir()
    (more / "gate.md").write_text("## The gate\n\n`python -m x`\n\n## In detail\n\n| a | 1 |\n")
    page = results.page(quality, speed, more)
    assert page.endswith("\n- [The gate](more/gate.md)\n")
    assert (
        "| macro F1 on Bitext | ≥ 90.00 % | 91.26 % | met by 1.26 points | `python -m tools.bench.quality` |"
        in page
    )
    assert "| errors | ≤ 0 | 2 | **missed by 2** | `python -m tools.bench.speed` |" in page
    assert "| service | 64 | 1,234 |" in page
    assert "2 status 429" in page
    assert "avx2" in page

    figures.write(quality, [Figure("a figure out of nowhere", 1, 1, "at least", "", "")])
    with pytest.raises(BenchError, match="out of nowhere"):
        results.page(quality, speed)


def row(
    side: str, connections: int, per_second: float, p50: float = 1.0, p99: float = 2.0, **more: Any
) -> SpeedRow:
    other: dict[str, Any] = {"p95": 0.0, "answered": 10, "near_ties": 1, "errors": {}, "generator_us": 20.0}
    return SpeedRow(
        side=side, connections=connections, per_second=per_second, p50=p50, p99=p99, **other | more
    )


def test_a_part_that_is_measured_alone_keeps_the_other_figures_with_their_day_and_commit(
    tmp_path: Path,
) -> None:
    file, page = tmp_path / "quality.json", tmp_path / "results.md"
    figures.write(
        file, [Figure("accuracy", 94, 95, "at least", " %", "x"), Figure("time", 9, 5, "at most", " s", "y")]
    )
    content = json.loads(file.read_text())
    file.write_text(json.dumps(content | {"measured": "2026-01-02T03:04:05", "commit": "abcdef0"}))
    page.write_text("# Results\n\n## Speed\n\nAs fast as before.\n\n## More\n")
    figures.merge(file, [Figure("accuracy", 95, 95, "at least", " %", "x")])
    figures.merge(file, [Figure("accuracy", 96, 95, "at least", " %", "x", "3 draws")])
    results.write(file, tmp_path / "no-speed.json", page)
    written = page.read_text()
    assert "| accuracy (3 draws) | ≥ 95.00 % | 96.00 % | met by 1.00 points | `x` |" in written
    assert "| time (measured 2026-01-02 at commit `abcdef0`) | ≤ 5.00 s | 9.00 s |" in written
    assert "## Speed\n\nAs fast as before.\n\n## More measurements" in written, "its JSON is not there"


def test_rounds_become_medians_and_what_was_counted_is_added_up() -> None:
    rounds = [row("service", 64, speed, errors={"timeout": 1}) for speed in (900.0, 1200.0, 1000.0)]
    assert summary(rounds) == [row("service", 64, 1000.0, answered=30, near_ties=3, errors={"timeout": 3})]


def speed_figures(**service64: Any) -> dict[str, Figure]:
    rows = [
        row("baseline", 1, 40.0),
        row("baseline", 16, 90.0, p50=150.0),
        row("baseline", 64, 100.0, p50=600.0),
        row("service", 1, 120.0, p50=1.2),
        row("service", 16, 500.0, p99=60.0),
        row("service", 64, 590.0, p99=90.0, processor_seconds=0.003, **service64),
    ]
    processes = {
        "service": [
            {"role": "IntentRunner", "rss_mb": 360.0, "pss_mb": 300.0},
            {"role": "SupportChatbot", "rss_mb": 150.0, "pss_mb": 110.0},
        ]
    }
    return {figure.name: figure for figure in judged(rows, 4.5, processes)}


def test_the_targets_of_speed_are_ratios_within_one_run() -> None:
    found = speed_figures(errors={"status 429": 2})
    assert {name: (figure.value, figure.met) for name, figure in found.items()} == {
        "requests a second over 64 connections, service / baseline": (5.9, False),
        "64 connections: p99 of the service / p50 of the baseline": (0.15, True),
        "16 connections: p99 of the service / p50 of the baseline": (0.4, False),
        "requests a second over 1 connection, service / baseline": (3.0, False),
        "1 connection: p50 of the service": (1.2, True),
        "errors of the service, all windows": (2, False),
        "service, from process start to the first real answer": (4.5, False),
        "memory of the service, all processes, shared pages counted once": (410.0, True),
        "memory of the largest runner worker, resident": (360.0, False),
        "memory of the outer service, resident": (150.0, True),
        "processor seconds for a million messages, 64 connections": (3000.0, None),
    }
    assert "0.03 dollars" in found["processor seconds for a million messages, 64 connections"].note


def test_a_missed_target_is_a_regression_only_below_its_bar() -> None:
    assert [name for name, figure in speed_figures().items() if figure.has_regressed] == []
    worse = [name for name, figure in speed_figures(errors={"timeout": 1}).items() if figure.has_regressed]
    assert worse == ["errors of the service, all windows"]
    assert Figure("x", 4.9, 20, "at least", "", "x", bar=5).has_regressed
    assert Figure("x", None, 20, "at least", "", "x", bar=5).has_regressed
    assert not Figure("x", 5.0, 20, "at least", "", "x", bar=5).has_regressed
    assert not Figure("x", None, 20, "at least", "", "x").has_regressed


def test_a_server_that_ends_says_why(tmp_path: Path) -> None:
    command = [sys.executable, "-c", "raise SystemExit('no such bundle')"]
    started = running(command, {}, free_port(), b"{}", tmp_path / "log")
    with pytest.raises(StepError, match="no such bundle"), started:
        pass


ECHO = """
import ast, asyncio, sys
answer = ast.literal_eval(sys.argv[1])
class Echo(asyncio.Protocol):
    def connection_made(self, transport): self.transport = transport
    def data_received(self, data): self.transport.write(answer)
async def serve():
    server = await asyncio.get_running_loop().create_server(Echo, "127.0.0.1", 0)
    print(server.sockets[0].getsockname()[1])
    await server.serve_forever()
asyncio.run(serve())
"""
"""A server in a process of its own that answers without processing: what remains is the generator's cost."""


def test_the_generator_costs_little() -> None:
    body = b'{"intent":"get_refund"}'
    answer = b"HTTP/1.1 200 OK\r\ncontent-length: %d\r\n\r\n%b" % (len(body), body)
    with subprocess.Popen([sys.executable, "-uc", ECHO, repr(answer)], stdout=subprocess.PIPE) as echo:
        assert echo.stdout is not None
        port = int(echo.stdout.readline())
        asked = [Question(post("/chat", b'{"message":"where is my order"}', port), "get_refund")] * 50_000
        cost = generate(port, asked, 16, seconds=0.5, warmup=0.3)
        echo.kill()
    assert cost.errors == {}
    assert 0 < cost.generator_microseconds < 150


def test_a_load_without_answers_has_no_latency() -> None:
    assert math.isnan(Load(1).percentile(99))


def test_each_section_of_the_quality_bench_is_measured_and_its_figures_are_well_formed() -> None:
    sections = read_yaml(Path(quality.__file__).with_name("figures.yaml"))
    assert list(sections) == list(quality.SECTIONS)
    common = {"target": None, "bound": "at least", "value": None}
    for spec in (spec for specs in sections.values() for spec in specs.values()):
        assert Figure(**common | spec).bound in ("at least", "at most")
