"""The loop turns in the cluster: drift, a retraining that needs a person, a review, a gate, a rollout, new answers.

The whole loop in order: each test depends on those before it, and runs once per release.
"""

from __future__ import annotations

import contextlib
import re

import pandas as pd
import pytest
from playwright.sync_api import BrowserContext, Page, expect
from playwright.sync_api import TimeoutError as PlaywrightTimeout

from chatbot.loop.drift_verdict import DriftVerdict
from chatbot.model import bundle as bundles
from chatbot.settings import ReviewSettings, SlotSettings
from chatbot.store import Store
from tests.bento.steady import SteadyLoad
from tests.e2e.installing import Installed
from tests.e2e.progress import Progress
from tests.e2e.prometheus import Prometheus
from tests.e2e.release import Ended
from tests.support.requirements import ROOT
from tests.support.testbed import until
from tools.loop import traffic
from tools.loop.parts import records_in_store
from tools.loop.traffic import TrafficAnswers
from tools.pictures import staff_pages
from training.review.accepted import read_accepted
from training.review.board import Board
from training.review.decisions import DecisionKind, Decisions, ReviewDecision

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(900)]

FIRST_DAYS, ORDINARY_DAY, LAUNCH_DAY = 2_000, 600, 400
LAUNCH = traffic.read_launch()
REVIEWER = "Ada"


def test_an_undrifted_run_is_green_and_makes_no_job(release: Installed, progress: Progress) -> None:
    assert release.champion() == "1", "the story begins with a fresh release: uninstall this one"
    with progress.step(f"{FIRST_DAYS} ordinary messages: the baseline"):
        _send(release, traffic.ordinary(FIRST_DAYS, seed=1)[0])
    first = _check(release, progress)
    assert "red" not in first.verdict
    with progress.step(f"{ORDINARY_DAY} more"):
        _send(release, traffic.ordinary(ORDINARY_DAY, seed=2)[0])
    verdict = _check(release, progress)
    assert verdict.verdict == "green"
    assert {check.against for check in verdict.checks if check.alarms} == {"baseline"}
    assert release.jobs("retrain") == []


def test_drift_makes_a_job_that_ends_as_needs_review(
    release: Installed, progress: Progress, prometheus: Prometheus
) -> None:
    with progress.step(f"a launch: {LAUNCH_DAY} usual messages and {len(LAUNCH.messages)} about it"):
        _send(release, traffic.ordinary(LAUNCH_DAY, seed=3)[0])
        _send(release, [(message, "") for message in LAUNCH.messages])
    verdict = _check(release, progress)
    assert verdict.verdict == "red"
    (job,) = release.jobs("retrain")
    because = release.get("job", job)["metadata"]["annotations"]["support-chatbot/asked-because"]
    assert verdict.red_checks[0] in because
    with progress.step(f"job/{job}"):
        ended = release.wait_for_job(job)
    assert ended.is_complete, ended
    assert _outcome(ended) == "needs_review", ended
    assert release.champion() == "1"
    assert release.desired_model() == ""
    wanted = {"ChatbotDrift", "ChatbotRetrainBlocked"}
    until("drift and the need of a review alert", lambda: wanted <= prometheus.alerts(), 60)


def test_the_same_drift_asks_once(release: Installed, progress: Progress) -> None:
    before = release.jobs("retrain")
    assert _check(release, progress).verdict == "red"
    assert release.jobs("retrain") == before


def test_a_person_makes_the_new_intent_on_the_staff_page(
    release: Installed, progress: Progress, window: BrowserContext
) -> None:
    with (
        progress.step("review on the staff page"),
        release.forward(f"service/{release.name}-staff", 8502) as url,
    ):
        page = window.new_page()
        page.set_viewport_size({"width": 1200, "height": 1000})
        staff_pages.open_staff(page, f"{url}/clusters")
        staff_pages.log_in(page, release.secret("staff", "token"), REVIEWER)
        _make_intent(page)
        page.close()
    with release.store("staff") as store:
        assert {(row.intent, row.reviewer) for row in read_accepted(store)} == {(LAUNCH.intent, REVIEWER)}
        _accept_others(store)
        rows = read_accepted(store)
    new = set(LAUNCH.messages)
    progress.say(f"accepted: {len(rows)} messages, {sum(row.message in new for row in rows)} of the launch")
    assert {(row.intent, row.reviewer) for row in rows} == {(LAUNCH.intent, REVIEWER)}
    assert sum(row.message in new for row in rows) >= 40


def test_the_next_run_trains_asks_the_gate_rolls_out_and_names_a_new_champion(
    release: Installed, progress: Progress, prometheus: Prometheus
) -> None:
    before = release.jobs("retrain")
    assert _check(release, progress).verdict == "red"
    (job,) = [name for name in release.jobs("retrain") if name not in before]
    messages = {"I want a refund": "get_refund", "how can I pay?": "check_payment_methods"}
    with progress.step(f"job/{job}: training, gate, rollout, watch, under load"):
        with SteadyLoad(release.api, clients=4, pause=0.2, messages=messages) as load:
            ended = release.wait_for_job(job, 600)
        progress.say(str(load.seen))
    assert ended.is_complete, ended
    with release.registry() as registry:
        champion = registry.champion()
    assert champion is not None
    assert (champion.number, champion.verdict) == ("2", "passed"), ended
    assert release.desired_model() == str(champion.ref)
    assert {version["bundle_digest"] for version in release.versions()} == {champion.bundle_digest}
    assert load.seen.failures == [], load.seen
    assert "ModelPromoted" in [event["reason"] for event in release.events()]
    until("the need of a review is over", lambda: "ChatbotRetrainBlocked" not in prometheus.alerts(), 60)


def test_the_new_version_answers_paraphrases_it_was_not_trained_on(release: Installed) -> None:
    answers = _send(release, [(message, LAUNCH.intent) for message in LAUNCH.later])
    assert set(answers.by_version) == {"2"}
    assert answers.by_intent[LAUNCH.intent] >= len(LAUNCH.later) * 0.6, answers
    assert answers.wrong <= 1, answers


def test_a_poisoned_corpus_is_refused_by_the_gate_and_nothing_else_serves(
    release: Installed, progress: Progress, prometheus: Prometheus
) -> None:
    told, now = release.desired_model(), pd.Timestamp.now("UTC").to_pydatetime()
    corpus = pd.read_parquet(ROOT / "data" / "processed" / "corpus.parquet")
    right = corpus[corpus["intent"] == "get_refund"]["message"]
    # Three wrong rows for each right one, in words of its own.
    poison = {
        f"poison-{number}-{ending}": f"{message} {ending}"
        for number, message in enumerate(right)
        for ending in ("now", "please", "today")
    }
    with (
        release.store("staff") as store,
        progress.step(f"{len(poison)} messages accepted with a wrong intent"),
    ):
        decisions = Decisions(store)
        for item, message in poison.items():
            decisions.decide(ReviewDecision(item_id=item, message=message, verdict=DecisionKind.CORRECT,
                                      intent="delete_account", reviewer="Eve", when=now))  # fmt: skip
    try:
        with progress.step("a retraining, asked for by hand"):
            ended = release.run_job("retrain", 600)
        assert ended.is_complete, ended
        assert _outcome(ended) == "refused", ended
        with release.registry() as registry:
            challenger = registry.challenger()
        assert challenger is not None
        assert (challenger.number, challenger.verdict) == ("3", "refused")
        assert (release.desired_model(), release.champion()) == (told, "2")
        until("the refusal alerts", lambda: "ChatbotRetrainBlocked" in prometheus.alerts(), 60)
    finally:
        with release.store("staff") as store:
            for item in poison:
                Decisions(store).reopen(item, "Ada")


def _make_intent(page: Page) -> None:
    """The first cluster about the launch becomes a new intent."""
    cards = page.locator('[class*="st-key-cluster-"]').filter(
        has=page.locator(".card.cluster", has_text=re.compile(r"\btrade\b", re.IGNORECASE))
    )
    expect(cards.first).to_be_visible(timeout=60_000)
    first = cards.first
    name = first.get_by_role("textbox", name="Name")
    for _ in range(4):
        first.get_by_text("a new intent").click()
        # Once in many runs the form stayed closed: a connection that is made again draws the page anew.
        with contextlib.suppress(PlaywrightTimeout):
            name.wait_for(timeout=8_000)
            break
    name.fill(LAUNCH.intent)
    first.get_by_role("textbox", name="Title, as customers").fill(LAUNCH.title)
    reply = first.get_by_role("textbox", name="Reply")
    reply.fill(LAUNCH.reply)
    reply.press("Control+Enter")
    expect(first.locator(".preview")).to_be_visible(timeout=20_000)
    first.get_by_role("button", name="Create the intent with").click()
    expect(page.locator(".said").first).to_contain_text(f"new intent {LAUNCH.intent}", timeout=30_000)
    staff_pages.settled(page)


def _accept_others(store: Store) -> None:
    """Return items of other clusters or of none, read by the functions that the review page calls."""
    board = Board(store, bundles.load(ROOT / "models" / "current"), ReviewSettings(), SlotSettings().values())
    others = [item for item in board.look().queue.items if item.message in LAUNCH.messages]
    assert board.correct_all(others, LAUNCH.intent, REVIEWER).error is None


def _send(release: Installed, messages: list[tuple[str, str]]) -> TrafficAnswers:
    """Send messages, and wait until the store has a record of each."""
    answers = traffic.send(release.api, messages, feedback_share=0.1, seed=len(messages))
    asked = set(answers.predictions)
    with release.store("drift") as store:
        until("the records in the store", lambda: asked <= records_in_store(store), 120, every=2)
    return answers


def _check(release: Installed, progress: Progress) -> DriftVerdict:
    """The drift CronJob's run, now, and its verdict."""
    with progress.step("drift check"):
        ended = release.run_job("drift")
    assert ended.is_complete, ended
    with release.store("drift") as store:
        verdict = DriftVerdict.model_validate_json(store.get("reports/drift/latest.json"))
    said = ended.logs["trigger"].strip().splitlines()
    progress.say(f"{verdict.verdict} over {verdict.window.records} records: {said[-1] if said else ''}")
    return verdict


def _outcome(ended: Ended) -> str:
    """What the retraining ended as, in its own words."""
    found = re.search(r"^(accepted|refused|needs_review|busy): ", ended.logs["retrain"], re.MULTILINE)
    assert found, ended
    return found[1]
