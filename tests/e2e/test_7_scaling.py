"""Pods come when there is much to do and leave when there is not, and no customer notices either."""

from __future__ import annotations

import pytest

from tests.bento.steady import SteadyLoad
from tests.e2e.installing import VALUES, Installed
from tests.e2e.progress import Progress
from tests.e2e.release import answered
from tests.support.testbed import until
from tools.generate import chart

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(600)]

MESSAGES = {
    "I want a refund": "get_refund",
    "where is my order?": "track_order",
    "I'd like to switch to another account": "switch_account",
}
HURRIED = (
    "api.autoscaling.max=4",
    "api.autoscaling.cpuPercent=200",
    "api.autoscaling.downAfterSeconds=10",
)
"""Pods come at a load that this machine's two cores bear beside everything else, and leave as soon as it is over."""


def upgrade(release: Installed, *values: str) -> None:
    more = [argument for value in values for argument in ("--set", value)]
    release.helm("upgrade", release.name, str(chart.CHART), "-f", str(VALUES), *more)


def test_the_bot_scales_up_under_load_and_down_after_it_without_a_failed_message(
    release: Installed, progress: Progress
) -> None:
    upgrade(release, *HURRIED)
    try:
        # So few that two pods stay under the target with them, on a slow machine beside another scenario, too.
        with SteadyLoad(release.api, clients=2, pause=3, messages=MESSAGES) as few:
            until("two pods", lambda: len(release.ready("api")) == 2, 150)
            first = {pod["metadata"]["name"] for pod in release.ready("api")}
            with (
                progress.step("many customers"),
                SteadyLoad(release.api, clients=10, pause=0.08, messages=MESSAGES) as many,
            ):
                until("more pods", lambda: len(release.ready("api")) > 2, 150)
            assert many.seen.failures == [], many.seen
            progress.say(str(many.seen))
            new = [pod for pod in release.ready("api") if pod["metadata"]["name"] not in first]
            failures: list[str] = []

            def new_pods_answer() -> bool:
                # A connection goes to a pod by chance, and stays. The Service may name a pod after its Ready condition
                # does: connections that all opened before never reach it, so each attempt opens new ones.
                with SteadyLoad(release.api, clients=40, pause=0.4, messages=MESSAGES) as others:
                    found = all(answered(pod) > 0 for pod in new)
                failures.extend(others.seen.failures)
                return found

            until("the new pods answer customers", new_pods_answer, 90)
            assert failures == []
            with progress.step("few customers"):
                until("two pods again", lambda: len(release.pods("api", is_leaving=True)) == 2, 300)
        assert few.seen.failures == [], few.seen
        progress.say(str(few.seen))
    finally:
        upgrade(release)
