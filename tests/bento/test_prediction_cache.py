"""Exact repeats are answered from memory, and all else that a message is entitled to stays its own."""

from __future__ import annotations

import gc
import json
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from types import FunctionType, ModuleType

import pytest

from bento.chat import handler
from bento.chat.prediction_cache import MAX_CHARS, PredictionCache
from chatbot import privacy
from chatbot.dialog.router import Alternative, Prediction, Reply, Router
from chatbot.ids import time_of
from chatbot.records.schema import Record
from tests.bento import paper
from tests.bento.paper import Api, paper_api

PREDICTION = Prediction((Alternative("get_refund", 0.9),), 0.8)


class Runner:
    """Counts the texts that it classifies."""

    def __init__(self) -> None:
        self.seen: list[str] = []

    async def classify(self, messages: Sequence[str]) -> list[Prediction]:
        self.seen += messages
        return await paper.classify(messages)


def ask(api: Api, message: str) -> dict[str, object]:
    response = api.post("/chat", json.dumps({"message": message}).encode())
    assert response.status_code == 200, response.text
    return dict(response.json())


def records(api: Api) -> list[Record]:
    return [record for write in api.log.writes for record in write]


def lookups(api: Api) -> dict[str, float]:
    return {
        sample.labels["outcome"]: sample.value
        for metric in api.metrics.cache.collect()
        for sample in metric.samples
        if sample.name.endswith("_total")
    }


def test_a_repeat_gets_the_same_answer_without_the_runner_and_an_id_and_record_of_its_own() -> None:
    runner = Runner()
    api = paper_api(runner.classify, cache_entries=8)
    first, second = ask(api, "a refund please"), ask(api, " a  refund please ")
    ids = {first.pop("prediction_id"), second.pop("prediction_id")}
    assert first == second
    assert len(ids) == 2
    assert runner.seen == ["a refund please"]
    assert {record.prediction_id for record in records(api)} == ids
    assert lookups(api) == {"hit": 1.0, "miss": 1.0}


def test_messages_that_differ_in_personal_data_only_share_an_entry_and_keep_their_own_record() -> None:
    runner = Runner()
    api = paper_api(runner.classify, cache_entries=8)
    ask(api, "a refund please, order 12345-AB")
    ask(api, "a refund please, order 98765-CD")
    assert len(set(runner.seen)) == len(runner.seen) == 1
    assert "12345" not in runner.seen[0]
    assert len(records(api)) == 2


def test_a_repeat_passes_neither_rules_nor_redaction_again(monkeypatch: pytest.MonkeyPatch) -> None:
    redacted: list[str] = []

    def redact_with_core(message: str) -> tuple[str, str]:
        redacted.append(message)
        return privacy.redact_with_core(message)

    monkeypatch.setattr(handler, "redact_with_core", redact_with_core)
    api = paper_api(Runner().classify, cache_entries=8)
    plain, personal, rule = "a refund please", "a refund please, order 12345-AB", "i will sue you"
    for message in (plain, personal, rule) * 3:
        ask(api, message)
    assert redacted == [plain, personal]
    assert Counter(record.query for record in records(api))[plain] == 3
    assert not any("12345" in record.query for record in records(api))
    assert sum(record.source == "rule" for record in records(api)) == 3


def test_a_repeat_is_not_routed_again_and_its_record_differs_in_its_own_columns_only(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    api = paper_api(Runner().classify, cache_entries=8)
    first = ask(api, "a refund please")
    ask(
        api, "a refund please, order 12345-AB"
    )  # the same text to the model: it does not displace the plain one
    monkeypatch.setattr(Router, "after_model", None)
    second = ask(api, "a refund please")
    assert first["response"] == second["response"]
    earlier, _, later = records(api)
    own = {"timestamp", "prediction_id", "latency_ms"}
    assert later == replace(earlier, **{name: getattr(later, name) for name in own})
    assert later.prediction_id == second["prediction_id"] != earlier.prediction_id
    assert later.timestamp == time_of(later.prediction_id)


def test_a_rule_is_looked_up_once_for_a_text(monkeypatch: pytest.MonkeyPatch) -> None:
    searched: list[str] = []
    before_model = Router.before_model

    def counted(router: Router, message: str) -> Reply | None:
        searched.append(message)
        return before_model(router, message)

    monkeypatch.setattr(Router, "before_model", counted)
    api = paper_api(Runner().classify, cache_entries=8)
    plain, personal = "i will sue you", "i will sue you, call 555-123-4567"
    answers = [ask(api, message) for message in (plain, personal) * 2]
    assert [answer["source"] for answer in answers] == ["rule"] * 4
    assert searched == [plain, personal]
    assert answers[0] | {"prediction_id": ""} == answers[2] | {"prediction_id": ""}
    assert lookups(api) == {}, "only predictions count"


def test_no_message_with_personal_data_is_kept() -> None:
    api = paper_api(Runner().classify, cache_entries=8)
    for text in ("a refund please, order 12345-AB", "i will sue you, call 555-123-4567"):
        ask(api, text)
    api.log.writes.clear()
    texts, seen, rest = list[str](), set[int](), [vars(api.chat)]
    while rest:
        one = rest.pop()
        if id(one) in seen or isinstance(one, type | ModuleType | FunctionType):
            continue
        seen.add(id(one))
        if isinstance(one, str):
            texts.append(one)
        rest += gc.get_referents(one)
    assert any("a refund please" in text for text in texts), "the records are kept"
    assert [text for text in texts if "order 12345" in text or "call 555" in text] == []


def test_without_entries_every_message_reaches_the_runner() -> None:
    runner = Runner()
    api = paper_api(runner.classify)
    ask(api, "a refund please")
    ask(api, "a refund please")
    assert len(runner.seen) == 2
    assert lookups(api) == {}


def test_the_least_recently_used_entry_makes_room() -> None:
    seen = Counter[str]()
    cache = PredictionCache(2, lambda outcome: seen.update([outcome]))
    cache.put("a", PREDICTION)
    cache.put("b", PREDICTION)
    assert cache.get("a") is PREDICTION
    cache.put("c", PREDICTION)
    assert (cache.get("a"), cache.get("b"), cache.get("c")) == (PREDICTION, None, PREDICTION)
    assert seen == {"hit": 3, "miss": 1}
    assert len(cache) == 2


def test_a_long_text_is_not_kept() -> None:
    cache = PredictionCache(2, lambda _: None)
    cache.put("x" * (MAX_CHARS + 1), PREDICTION)
    assert len(cache) == 0
