"""The analysis detects regressions within its false-alarm rate; counters match what the API exports."""

from __future__ import annotations

from dataclasses import asdict

import numpy as np
import pytest
from scipy import stats

from bento.http.metrics import Metrics
from chatbot.settings import KubernetesSettings
from k8s.rollout.analysis import NOT_READY, RolloutAnalysis
from k8s.rollout.counters import PodCounters, find_regressions, fisher_exact, slow_threshold, total

SETTINGS = KubernetesSettings(error_rise=0.01, slow_rise=0.05, handoff_rise=0.10, negative_rise=0.15)


def exposition(answered: int, failed: int, seconds: float, handoffs: int, negative: int) -> str:
    """Return the API's own metrics after this traffic."""
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


@pytest.mark.parametrize("value", ["NaN", "+Inf", "-5", "1e400"])
@pytest.mark.parametrize(
    "name", ["chatbot_handoffs_total", 'chatbot_requests_total{route="/chat",status="500"}']
)
def test_a_value_that_no_counter_can_have_is_not_judged(name: str, value: str) -> None:
    with pytest.raises(ValueError, match="finite and not negative"):
        PodCounters.parse(f"{name} {value}\n")


def test_a_bound_that_is_not_a_number_is_not_judged() -> None:
    with pytest.raises(ValueError, match="float"):
        PodCounters.parse('chatbot_request_duration_seconds_bucket{route="/chat",le="zz"} 1\n')


def test_counters_are_parsed_from_the_metrics_that_the_api_exports(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("PROMETHEUS_MULTIPROC_DIR", raising=False)
    counters = PodCounters.parse(exposition(90, 10, 0.03, 9, 3))
    assert (counters.answered, counters.failed, counters.messages) == (90, 10, 100)
    assert (counters.replies, counters.handoffs, counters.helped, counters.not_helped) == (90, 9, 7, 3)
    assert (counters.within["0.02"], counters.within["0.05"], counters.within["+Inf"]) == (0, 100, 100)
    assert slow_threshold(counters) == "0.05"
    combined = total([counters, PodCounters.parse(exposition(10, 0, 0.03, 0, 0))])
    assert (combined.answered, combined.within["0.05"]) == (100, 110)
    assert PodCounters.from_dict(asdict(counters)) == counters


@pytest.mark.parametrize(
    ("within", "bound"),
    [
        ({"0.1": 950, "0.5": 989, "1.0": 990, "2.0": 1000, "+Inf": 1000}, "1.0"),
        ({"0.1": 990, "0.5": 1000, "+Inf": 1000}, "0.1"),
        ({"0.1": 500, "+Inf": 1000}, ""),
        ({}, ""),
    ],
)
def test_the_slow_threshold_is_the_bound_that_99_percent_of_messages_meet(
    within: dict[str, float], bound: str
) -> None:
    assert slow_threshold(PodCounters(within=within)) == bound


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
def test_the_exact_test_equals_scipys(hits: int, drawn: int, others: int, out_of: int) -> None:
    table = [[hits, drawn - hits], [others, out_of - others]]
    expected = stats.fisher_exact(table, alternative="greater").pvalue
    assert fisher_exact(hits, drawn, others, out_of) == pytest.approx(expected, rel=1e-6, abs=1e-12)


def counters_of(answered: int, failed: int, handoffs: int, slow: int) -> PodCounters:
    messages = answered + failed
    within = {"0.1": float(messages - slow), "0.5": float(messages), "+Inf": float(messages)}
    return PodCounters(answered, failed, within, answered, handoffs, 50, 5)


@pytest.mark.parametrize(
    ("now", "measure", "what"),
    [
        (
            counters_of(270, 30, 30, 0),
            "failed",
            "failed messages: 30 of 300 (10.0%), with the version before 2 of 2000 (0.1%)",
        ),
        (counters_of(300, 0, 90, 0), "handoffs", "handoffs: 90 of 300 (30.0%)"),
        (counters_of(300, 0, 30, 60), "slow", "messages over 0.1 s: 60 of 300 (20.0%)"),
    ],
)
def test_a_regression_is_reported_with_its_numbers(now: PodCounters, measure: str, what: str) -> None:
    found = find_regressions(counters_of(1998, 2, 200, 10), now, SETTINGS, 0.01)
    assert len(found) == 1
    assert found[0].measure == measure
    assert what in found[0].summary


def test_a_significant_difference_below_the_margin_is_not_a_regression() -> None:
    before, now = counters_of(100_000, 100, 10_000, 0), counters_of(99_500, 500, 12_000, 0)
    assert fisher_exact(500, 100_000, 100, 100_100) < 1e-50
    assert find_regressions(before, now, SETTINGS, 0.01) == []


def test_a_baseline_without_messages_yields_no_regression() -> None:
    assert find_regressions(PodCounters(), counters_of(200, 100, 100, 100), SETTINGS, 0.01) == []


def test_the_false_alarm_rate_of_equal_versions_is_at_most_one_percent() -> None:
    """400 rollouts of a version as good as the baseline, with 60 evaluations each."""
    settings = KubernetesSettings(watch_seconds=600, watch_max_seconds=600, watch_every_seconds=10)
    random = np.random.default_rng(7)
    shares = {"failed": 0.02, "handoffs": 0.2, "slow": 0.008, "negative": 0.3}
    false_alarms = 0
    for _ in range(400):
        before = _sample(random, 2000, shares)
        analysis, now = RolloutAnalysis(settings, before), PodCounters()
        for step in range(1, 61):
            now = now + _sample(random, 10, shares)
            if analysis.evaluate(now, step * 10).regressions:
                false_alarms += 1
                break
    assert false_alarms <= 8, f"{false_alarms} of 400: at 1 in 100 that has a chance of 1 in 50"


def test_a_version_that_fails_one_message_in_twenty_is_detected_within_200_messages() -> None:
    settings = KubernetesSettings(watch_seconds=600, watch_max_seconds=600, watch_every_seconds=10)
    random = np.random.default_rng(8)
    shares = {"failed": 0.001, "handoffs": 0.2, "slow": 0.008, "negative": 0.3}
    found = 0
    for _ in range(100):
        analysis, now = RolloutAnalysis(settings, _sample(random, 5000, shares)), PodCounters()
        for step in range(1, 11):
            now = now + _sample(random, 20, shares | {"failed": 0.05})
            if analysis.evaluate(now, step * 10).regressions:
                found += 1
                break
    assert found >= 95, f"{found} of 100 within 200 messages"


def latency_regressions(slow_by_look: list[float], messages: int = 60) -> list[str]:
    """Return what an analysis finds at its last look, or at the first that finds something."""
    settings = KubernetesSettings(watch_seconds=600, watch_max_seconds=600, watch_every_seconds=10)
    analysis, now = RolloutAnalysis(settings, counters_of(6654, 0, 600, 37)), PodCounters()
    for step, share in enumerate(slow_by_look, 1):
        now = now + counters_of(messages, 0, messages // 11, round(messages * share))
        result = analysis.evaluate(now, step * 600 / len(slow_by_look))
        if result.regressions:
            return [found.measure for found in result.regressions]
    assert result.finished
    return []


@pytest.mark.parametrize("stall", [[0, 1], [8], [59], [0, 1, 20, 21, 40, 41]], ids=str)
def test_a_stall_of_the_node_is_not_a_slower_model(stall: list[int]) -> None:
    """Seen in a cluster: 34 slow messages of 535 within one moment, and a version was rolled back that is as good."""
    assert latency_regressions([0.9 if look in stall else 0.005 for look in range(60)]) == []


@pytest.mark.parametrize("messages", [2, 5, 60])
@pytest.mark.parametrize("share", [0.5, 1.0])
def test_a_model_that_is_slower_all_the_time_is_taken_back(share: float, messages: int) -> None:
    assert latency_regressions([share] * 60, messages) == ["slow"]


def test_an_analysis_that_resumes_at_its_end_judges_latency_by_all_messages() -> None:
    settings = KubernetesSettings(watch_seconds=60, watch_max_seconds=60)
    analysis = RolloutAnalysis(settings, counters_of(6654, 0, 600, 37))
    assert [found.measure for found in analysis.evaluate(counters_of(535, 0, 50, 200), 90).regressions] == [
        "slow"
    ]


def test_the_first_messages_cause_no_rollback_before_the_end_of_the_analysis() -> None:
    settings = KubernetesSettings(watch_seconds=60, watch_max_seconds=60, watch_every_seconds=10)
    before, failing = counters_of(2000, 0, 200, 0), counters_of(0, 29, 0, 0)
    analysis = RolloutAnalysis(settings, before)
    assert analysis.evaluate(failing, 10).regressions == []
    assert [found.measure for found in analysis.evaluate(counters_of(0, 30, 0, 0), 20).regressions] == [
        "failed"
    ]
    assert [
        found.measure for found in RolloutAnalysis(settings, before).evaluate(failing, 60).regressions
    ] == ["failed"]


def test_only_pods_that_are_not_ready_for_a_minute_cause_a_rollback() -> None:
    settings = KubernetesSettings(watch_seconds=60, watch_max_seconds=60, watch_every_seconds=10)
    analysis = RolloutAnalysis(settings, PodCounters())
    assert not analysis.evaluate(PodCounters(), 60, "1 of 2 pods is ready").finished
    assert not analysis.evaluate(PodCounters(), 110, "1 of 2 pods is ready").finished
    result = analysis.evaluate(PodCounters(), 120)
    assert (result.finished, result.regressions) == (True, [])

    analysis = RolloutAnalysis(settings, PodCounters())
    # A run that resumes after hours also sees the problem for the first time.
    assert not analysis.evaluate(PodCounters(), 7_200, "1 of 2 pods is ready").finished
    result = analysis.evaluate(PodCounters(), 7_260, "1 of 2 pods is ready")
    assert result.finished
    assert [found.measure for found in result.regressions] == [NOT_READY]


def _sample(random: np.random.Generator, messages: int, shares: dict[str, float]) -> PodCounters:
    failed = int(random.binomial(messages, shares["failed"]))
    slow, answered = int(random.binomial(messages, shares["slow"])), messages - failed
    negative = int(random.binomial(messages // 10, shares["negative"]))
    within = {"0.1": float(messages - slow), "0.5": float(messages), "+Inf": float(messages)}
    handoffs = int(random.binomial(answered, shares["handoffs"]))
    return PodCounters(answered, failed, within, answered, handoffs, messages // 10 - negative, negative)
