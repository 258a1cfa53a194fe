"""Two versions are told apart where they differ, and not by chance; counts come from what the API really exports."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from bento.metrics import Metrics
from chatbot.settings import KubernetesSettings
from k8s.rollout.analysis import NOT_READY, Watch
from k8s.rollout.counters import Margins, Tally, fisher, slow_bound, total, worse

MARGINS = Margins(0.01, 0.05, 0.10, 0.15)


def exposition(answered: int, failed: int, seconds: float, handoffs: int, negative: int) -> str:
    """What the API's own metrics say after so much."""
    metrics = Metrics()
    for _ in range(answered):
        metrics.requests.labels("/chat", "200").inc()
        metrics.request_seconds.labels("/chat").observe(seconds)
        metrics.predictions.labels("get_refund", "model").inc()
    for _ in range(failed):
        metrics.requests.labels("/chat", "503").inc()
        metrics.request_seconds.labels("/chat").observe(seconds)
    metrics.requests.labels("/metrics", "200").inc(1000)
    metrics.requests.labels("/chat", "429").inc(1000)
    metrics.handoffs.labels("human").inc(handoffs)
    metrics.feedback.labels("no").inc(negative)
    metrics.feedback.labels("yes").inc(7)
    return metrics.render().decode()


def test_counts_come_from_what_the_api_exports(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("PROMETHEUS_MULTIPROC_DIR", raising=False)
    tally = Tally.parse(exposition(90, 10, 0.03, 9, 3))
    assert (tally.answered, tally.failed, tally.messages) == (90, 10, 100)
    assert (tally.replies, tally.handoffs, tally.helped, tally.not_helped) == (90, 9, 7, 3)
    assert (tally.within["0.02"], tally.within["0.05"], tally.within["+Inf"]) == (0, 100, 100)
    assert slow_bound(tally) == "0.05"
    both = total([tally, Tally.parse(exposition(10, 0, 0.03, 0, 0))])
    assert (both.answered, both.within["0.05"]) == (100, 110)
    assert Tally.of(tally.as_dict()) == tally


@pytest.mark.parametrize(
    ("within", "bound"),
    [
        ({"0.1": 950, "0.5": 989, "1.0": 990, "2.0": 1000, "+Inf": 1000}, "1.0"),
        ({"0.1": 990, "0.5": 1000, "+Inf": 1000}, "0.1"),
        ({"0.1": 500, "+Inf": 1000}, ""),
        ({}, ""),
    ],
)
def test_slow_is_what_99_in_100_messages_were_not(within: dict[str, float], bound: str) -> None:
    assert slow_bound(Tally(within=within)) == bound


@pytest.mark.parametrize(
    ("hits", "drawn", "others", "out_of"),
    [
        (5, 50, 3, 100),
        (0, 10, 0, 10),
        (10, 10, 0, 1000),
        (30, 300, 1000, 100_000),
        (3, 3, 3, 3),
        (1, 1, 0, 0),
    ],
)
def test_the_exact_test_says_what_scipy_says(hits: int, drawn: int, others: int, out_of: int) -> None:
    table = [[hits, drawn - hits], [others, out_of - others]]
    expected = stats.fisher_exact(table, alternative="greater").pvalue
    assert fisher(hits, drawn, others, out_of) == pytest.approx(expected, rel=1e-6, abs=1e-12)


def of(answered: int, failed: int, handoffs: int, slow: int) -> Tally:
    every = answered + failed
    within = {"0.1": float(every - slow), "0.5": float(every), "+Inf": float(every)}
    return Tally(answered, failed, within, answered, handoffs, 50, 5)


@pytest.mark.parametrize(
    ("now", "measure", "what"),
    [
        (
            of(270, 30, 30, 0),
            "failed",
            "failed messages: 30 of 300 (10.0%), with the version before 2 of 2000 (0.1%)",
        ),
        (of(300, 0, 90, 0), "handoffs", "handoffs: 90 of 300 (30.0%)"),
        (of(300, 0, 30, 60), "slow", "messages over 0.1 s: 60 of 300 (20.0%)"),
    ],
)
def test_what_got_worse_is_named_with_its_numbers(now: Tally, measure: str, what: str) -> None:
    found = worse(of(1998, 2, 200, 10), now, MARGINS, 0.01)
    assert len(found) == 1
    assert found[0].measure == measure
    assert what in found[0].sentence


def test_a_difference_that_does_not_matter_is_none_however_sure_it_is() -> None:
    before, now = of(100_000, 100, 10_000, 0), of(99_500, 500, 12_000, 0)
    assert fisher(500, 100_000, 100, 100_100) < 1e-50
    assert worse(before, now, MARGINS, 0.01) == []


def test_a_version_before_that_nobody_spoke_to_proves_nothing() -> None:
    assert worse(Tally(), of(200, 100, 100, 100), MARGINS, 0.01) == []


def test_equal_versions_are_taken_back_at_most_one_time_in_a_hundred() -> None:
    """400 promotions of a version that is as good as the one before it, each looked at 60 times."""
    settings = KubernetesSettings(watch_seconds=600, watch_most_seconds=600, watch_every_seconds=10)
    random = np.random.default_rng(7)
    shares = {"failed": 0.02, "handoffs": 0.2, "slow": 0.008, "negative": 0.3}
    taken_back = 0
    for _ in range(400):
        before = _draw(random, 2000, shares)
        watch, now = Watch(settings, before), Tally()
        for look in range(1, 61):
            now = now + _draw(random, 10, shares)
            if watch.look(now, look * 10).worse:
                taken_back += 1
                break
    assert taken_back <= 8, f"{taken_back} of 400: at 1 in 100 that has a chance of 1 in 50"


def test_a_version_that_fails_one_message_in_twenty_is_taken_back_within_200_messages() -> None:
    settings = KubernetesSettings(watch_seconds=600, watch_most_seconds=600, watch_every_seconds=10)
    random = np.random.default_rng(8)
    shares = {"failed": 0.001, "handoffs": 0.2, "slow": 0.008, "negative": 0.3}
    found = 0
    for _ in range(100):
        watch, now = Watch(settings, _draw(random, 5000, shares)), Tally()
        for look in range(1, 11):
            now = now + _draw(random, 20, shares | {"failed": 0.05})
            if watch.look(now, look * 10).worse:
                found += 1
                break
    assert found >= 95, f"{found} of 100 within 200 messages"


def test_the_first_messages_condemn_no_version_before_its_time_is_over() -> None:
    settings = KubernetesSettings(watch_seconds=60, watch_most_seconds=60, watch_every_seconds=10)
    before, bad = of(2000, 0, 200, 0), of(0, 29, 0, 0)
    watch = Watch(settings, before)
    assert watch.look(bad, 10).worse == []
    assert [found.measure for found in watch.look(of(0, 30, 0, 0), 20).worse] == ["failed"]
    assert [found.measure for found in Watch(settings, before).look(bad, 60).worse] == ["failed"]


def test_pods_that_are_not_ready_for_a_moment_condemn_no_version_and_for_a_minute_they_do() -> None:
    settings = KubernetesSettings(watch_seconds=60, watch_most_seconds=60, watch_every_seconds=10)
    watch = Watch(settings, Tally())
    assert not watch.look(Tally(), 60, "1 of 2 pods is ready").over
    assert not watch.look(Tally(), 110, "1 of 2 pods is ready").over
    seen = watch.look(Tally(), 120)
    assert (seen.over, seen.worse) == (True, [])

    watch = Watch(settings, Tally())
    # A run that goes on after hours sees the trouble for the first time, too.
    assert not watch.look(Tally(), 7_200, "1 of 2 pods is ready").over
    seen = watch.look(Tally(), 7_260, "1 of 2 pods is ready")
    assert seen.over
    assert [found.measure for found in seen.worse] == [NOT_READY]


def _draw(random: np.random.Generator, messages: int, shares: dict[str, float]) -> Tally:
    failed = int(random.binomial(messages, shares["failed"]))
    slow, answered = int(random.binomial(messages, shares["slow"])), messages - failed
    negative = int(random.binomial(messages // 10, shares["negative"]))
    within = {"0.1": float(messages - slow), "0.5": float(messages), "+Inf": float(messages)}
    handoffs = int(random.binomial(answered, shares["handoffs"]))
    return Tally(answered, failed, within, answered, handoffs, messages // 10 - negative, negative)
