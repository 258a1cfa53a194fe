"""Dashboards and alerts say something: a real Prometheus scrapes the real service, and every panel has data."""

from __future__ import annotations

import itertools
import json
import re
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.bento.server import ROOT, Server
from tests.support.prometheus_server import Prometheus, Pushgateway

pytestmark = pytest.mark.process

FOLDER = ROOT / "helm" / "support-chatbot" / "files" / "dashboards"
RULES = sorted((ROOT / "helm" / "support-chatbot" / "files" / "alerts").glob("*.yaml"))


def panels(name: str) -> list[dict[str, Any]]:
    content = json.loads((FOLDER / f"{name}.json").read_text())
    return [panel for panel in content["panels"] if panel["type"] != "row"]


def expressions(panel: dict[str, Any]) -> list[str]:
    """As Grafana sends them."""
    values = {"$__rate_interval": "8s", "$__range": "1h", "$namespace": ".*", "$release": ".*"}
    found = []
    for target in panel["targets"]:
        expression = target["expr"]
        for variable, value in values.items():
            expression = expression.replace(variable, value)
        found.append(expression)
    return found


def rules() -> list[dict[str, Any]]:
    return [
        rule for f in RULES for group in yaml.safe_load(f.read_text())["groups"] for rule in group["rules"]
    ]


def every_panel() -> list[Any]:
    return [
        pytest.param(name, panel, id=f"{name}: {panel['title']}")
        for name in ("bot", "understanding", "loop")
        for panel in panels(name)
    ]


@pytest.fixture(scope="module")
def pushed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A real pushgateway that holds what the loop's runs push."""
    server = Pushgateway(tmp_path_factory.mktemp("pushgateway")).start()
    _push_runs(server.url)
    yield f"127.0.0.1:{server.port}"
    server.stop()


def _push_runs(gateway: str) -> None:
    """What the drift check, the trigger, a retraining and a promotion push, by their own code."""
    from chatbot.loop.drift_verdict import Check, DriftVerdict, OutOfScopeShare, Window
    from chatbot.loop.pushgateway import PushgatewayClient
    from chatbot.loop.retrain_result import RetrainResult
    from chatbot.loop.rollout.state import RolloutOutcome
    from chatbot.settings import KubernetesSettings
    from k8s import promote, trigger
    from k8s.rollout import metrics
    from monitoring.drift.report.metrics import export

    now = datetime.now(UTC)
    check = Check(
        name="scope.low",
        against="baseline",
        statistic=0.3,
        effect=0.2,
        threshold=0.1,
        red=True,
        alarms=True,
        sentence="More messages are out of scope than before.",
    )
    window = Window(since=now, until=now, records=2000)
    share = OutOfScopeShare(share=0.3, at_least=0.27, learned_for=0.1, sentence="About 30 %.")
    verdict = DriftVerdict(
        verdict="red",
        made=now,
        model_version="7",
        bundle_digest="a" * 64,
        window=window,
        checks=(check,),
        out_of_scope=share,
    )
    export(verdict, now, gateway, Path("unused"))
    trigger.push_metrics(PushgatewayClient(gateway, trigger.JOB, 5), trigger.TriggerResult("asked", ""))
    client = PushgatewayClient(gateway, metrics.JOB, 5)
    promote.push_metrics(client, RetrainResult(outcome="needs_review"))
    metrics.push_desired_model(client, f"7@{'a' * 64}")
    metrics.push_outcome(client, RolloutOutcome.PROMOTED)
    metrics.push_deadline(client, None, KubernetesSettings())


@pytest.fixture(scope="module")
def scraped(
    start: Callable[..., Server],
    pushed: str,
    distinct_messages: Sequence[str],
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[tuple[Prometheus, Server]]:
    """The service under traffic, with all that customers do, under the eyes of Prometheus."""
    store = tmp_path_factory.mktemp("store")
    server = start(
        CHATBOT_WORKERS="2",
        CHATBOT_RUNNER_WORKERS="1",
        CHATBOT_STORE_URL=str(store),
        CHATBOT_UPLOAD_PART_ROWS="1",
    )
    folder = tmp_path_factory.mktemp("prometheus")
    targets = {"support-chatbot-api": f"127.0.0.1:{server.port}", "support-chatbot-pushgateway": pushed}
    prometheus = Prometheus(folder, targets, RULES).start()
    enough = threading.Event()
    customers = threading.Thread(target=_write, args=(server, distinct_messages, enough), daemon=True)
    customers.start()
    try:
        yield prometheus, server
    finally:
        enough.set()
        customers.join(30)
        prometheus.stop()


def _write(server: Server, messages: Sequence[str], enough: threading.Event) -> None:
    for number, message in enumerate(itertools.cycle(messages)):
        if enough.wait(0.1):
            return
        status, answer = server.post("/chat", {"message": message})
        if status == 200:
            helpful = number // 5 % 2 == 0
            server.post("/feedback", {"prediction_id": answer["prediction_id"], "helpful": helpful})
        if number % 5 == 0:
            server.post("/chat", {"message": "colourless green ideas sleep furiously in the tax office"})
            server.post("/chat", {"message": ""})


def eventually(
    prometheus: Prometheus, expression: str, is_good: Callable[[list[dict[str, Any]]], bool] = bool
) -> list[dict[str, Any]]:
    """What Prometheus answers, once it has looked often enough to have an answer."""
    end = time.monotonic() + 30
    while not is_good(found := prometheus.query(expression)) and time.monotonic() < end:
        time.sleep(0.2)
    return found


def is_a_number(found: list[dict[str, Any]]) -> bool:
    return len(found) == 1 and found[0]["value"][1] not in ("NaN", "+Inf", "-Inf")


@pytest.mark.parametrize(("name", "panel"), every_panel())
def test_every_panel_says_what_it_shows_and_in_which_unit(name: str, panel: dict[str, Any]) -> None:
    assert re.match(r"[A-Z]", panel["title"])
    assert "_" not in panel["title"], "a title is for a person, not a metric's name"
    assert len(panel["description"]) > 30
    assert panel["description"].endswith(".")
    unit = panel["fieldConfig"]["defaults"]["unit"]
    assert unit
    assert panel["type"] != "heatmap" or unit == "short", "Grafana applies the unit to the number in a cell"
    assert (
        len(panel["targets"]) == 1 or panel["type"] != "table" or {"id": "merge"} in panel["transformations"]
    )


@pytest.mark.parametrize(("name", "panel"), every_panel())
def test_every_panel_has_data(scraped: tuple[Prometheus, Server], name: str, panel: dict[str, Any]) -> None:
    prometheus, _ = scraped
    for expression in expressions(panel):
        assert eventually(prometheus, expression), f"{panel['title']}: no data: {expression}"


def test_every_number_on_the_wall_is_a_number(scraped: tuple[Prometheus, Server]) -> None:
    prometheus, _ = scraped
    for panel in panels("bot") + panels("understanding"):
        if panel["type"] != "stat":
            continue
        found = eventually(prometheus, expressions(panel)[0], is_a_number)
        assert is_a_number(found), (panel["title"], found)


@pytest.mark.parametrize("rule", rules(), ids=lambda r: r.get("alert") or r["record"])
def test_every_metric_of_every_rule_is_there(
    scraped: tuple[Prometheus, Server], rule: dict[str, Any]
) -> None:
    prometheus, _ = scraped
    prometheus.query(rule["expr"])  # it parses
    for metric in set(re.findall(r"\b(?:chatbot[:_]\w+(?::\w+)*|up)\b", rule["expr"])):
        assert eventually(prometheus, metric), f"{metric}: no data"


def test_an_unreachable_bot_is_noticed(scraped: tuple[Prometheus, Server]) -> None:
    prometheus, server = scraped
    assert "ChatbotDown" not in prometheus.alerts()
    server.stop()
    end = time.monotonic() + 30
    while "ChatbotDown" not in prometheus.alerts():
        assert time.monotonic() < end, "30 s after the end of the service no alert is pending"
        time.sleep(0.5)
