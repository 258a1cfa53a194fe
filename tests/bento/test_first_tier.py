"""The first tier in front of the runner."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from pydantic_core import to_json

from chatbot.dialog.router import FIRST, Alternative, Prediction
from chatbot.model.cascade import tier_of
from tests.bento.paper import Api, classify, paper_api

EASY, HARD = "track my parcel", "cancel what I bought"


class EasyTracking:
    """Answers what tracks, and notes what it was asked."""

    def __init__(self) -> None:
        self.asked: list[str] = []

    def predict(self, messages: Sequence[str]) -> list[Prediction | None]:
        self.asked += messages
        easy = Prediction(
            [Alternative("track_order", 0.93), Alternative("get_refund", 0.07)], 0.8, tier=FIRST
        )
        return [easy if "track" in message else None for message in messages]


def _api(asked: list[str], tier: EasyTracking | None) -> Api:
    async def runner(messages: Sequence[str]) -> list[Prediction]:
        asked.extend(messages)
        return await classify(messages)

    return paper_api(runner, cascade=tier)


def _tiers(api: Api) -> dict[str, float]:
    samples = [one for family in api.metrics.registry.collect() for one in family.samples]
    return {one.labels["tier"]: one.value for one in samples if one.name == "chatbot_tiers_total"}


def test_an_easy_message_is_answered_without_the_runner() -> None:
    asked: list[str] = []
    api = _api(asked, EasyTracking())
    answer = api.post("/chat", to_json({"message": EASY})).json()
    assert (answer["intent"], answer["source"], answer["confidence"]) == ("track_order", "model", 0.93)
    assert asked == []
    assert _tiers(api) == {"first": 1}
    [[record]] = api.log.writes
    assert (record.tier, record.source, record.scope, record.summary) == ("first", "model", 0.8, ())


def test_any_other_message_goes_to_the_runner_and_is_counted_by_its_tier() -> None:
    asked: list[str] = []
    api = _api(asked, EasyTracking())
    answer = api.post("/chat", to_json({"message": HARD})).json()
    assert (answer["intent"], answer["source"]) == ("cancel_order", "model")
    assert asked == [HARD]
    [[record]] = api.log.writes
    assert record.tier == tier_of(HARD)
    assert _tiers(api) == {tier_of(HARD): 1}


def test_without_a_first_tier_records_and_metrics_have_none() -> None:
    asked: list[str] = []
    api = _api(asked, None)
    api.post("/chat", to_json({"message": EASY}))
    assert asked == [EASY]
    assert api.log.writes[0][0].tier == ""
    assert _tiers(api) == {}


def test_the_tier_sees_what_the_runner_sees_personal_data_redacted() -> None:
    asked: list[str] = []
    tier = EasyTracking()
    api = _api(asked, tier)
    api.post("/chat", to_json({"message": "cancel my order, I am at jane.doe@example.com"}))
    assert tier.asked == asked
    assert "jane.doe" not in tier.asked[0]


def test_an_easy_message_does_not_wait_for_a_runner_that_is_busy() -> None:
    async def both() -> list[str]:
        done: list[str] = []
        free = asyncio.Event()

        async def slow(messages: Sequence[str]) -> list[Prediction]:
            await free.wait()
            return await classify(messages)

        chat = paper_api(slow, cascade=EasyTracking()).chat

        async def ask(message: str) -> None:
            await chat.reply(to_json({"message": message}))
            done.append(message)

        hard = asyncio.create_task(ask(HARD))
        await asyncio.sleep(0)
        await ask(EASY)
        free.set()
        await hard
        return done

    assert asyncio.run(both()) == [EASY, HARD]


def test_a_rule_comes_before_the_first_tier() -> None:
    tier = EasyTracking()
    answer = _api([], tier).post("/chat", to_json({"message": "i will sue you, track it"})).json()
    assert answer["source"] == "rule"
    assert tier.asked == []


def test_messages_of_one_turn_of_the_event_loop_are_one_call_of_the_tier() -> None:
    calls: list[list[str]] = []

    class Counting(EasyTracking):
        def predict(self, messages: Sequence[str]) -> list[Prediction | None]:
            calls.append(list(messages))
            return super().predict(messages)

    async def several() -> list[bytes]:
        chat = paper_api(classify, cascade=Counting()).chat
        return await asyncio.gather(*(chat.reply(to_json({"message": f"{EASY} {row}"})) for row in range(5)))

    assert len(asyncio.run(several())) == 5
    assert [len(call) for call in calls] == [5]


def test_a_message_whose_client_left_does_not_disturb_the_others_of_its_turn() -> None:
    async def some() -> list[object]:
        chat = paper_api(classify, cascade=EasyTracking()).chat
        tasks = [asyncio.ensure_future(chat.reply(to_json({"message": f"{EASY} {row}"}))) for row in range(3)]
        await asyncio.sleep(0)
        tasks[1].cancel()
        return list(await asyncio.gather(*tasks, return_exceptions=True))

    first, left, last = asyncio.run(some())
    assert isinstance(first, bytes)
    assert isinstance(left, asyncio.CancelledError)
    assert isinstance(last, bytes)


def test_a_repeat_of_an_easy_message_comes_from_the_cache() -> None:
    tier = EasyTracking()
    api = paper_api(classify, cascade=tier, cache_entries=8)
    for _ in range(2):
        assert api.post("/chat", to_json({"message": EASY})).json()["intent"] == "track_order"
    assert len(tier.asked) == 1
    assert [record.tier for [record] in api.log.writes] == ["first", "first"]
