"""The shipped alerts with seconds for minutes, in a real Prometheus that scrapes the release's real pods.

What each alert waits for in earnest is proved by promtool (tests/monitoring/alerts): here it is shown that the
fault itself, and not a made-up series, makes it fire.
"""

from __future__ import annotations

import re
import time

from tests.e2e.prometheus import Prometheus
from tests.support.testbed import Json, until

WINDOW, WAIT = "20s", "2s"
STALE_SECONDS, LATE_SECONDS = 20, 8
"""In place of a quarter of an hour without the store, and of three hours without a retraining."""


class Impatient(Prometheus):
    """The chart's monitors, the chart's rules, no patience."""

    pod = "impatient"
    every = "1s"

    def _rules(self) -> Json:
        return hurried(super()._rules())

    def firing(self) -> set[str]:
        """The names of the alerts that fire."""
        found = self._ask("alerts")["alerts"]
        return {alert["labels"]["alertname"] for alert in found if alert["state"] == "firing"}

    def wait_for(self, alert: str, seconds: float = 60, since: float | None = None) -> None:
        """Until it fires.

        Args:
            since: That it fired at any time from then on (seconds, monotonic) is enough: an event is visible for as
                long as the window of its rule, and a busy machine can take longer to ask.
        """

        def fires() -> bool:
            if since is None:
                return alert in self.firing()
            seconds = max(1, round(time.monotonic() - since))
            selector = f'ALERTS{{alertname="{alert}",alertstate="firing"}}'
            return bool(self.query(f"count_over_time({selector}[{seconds}s])"))

        until(f"{alert} fires", fires, seconds)

    def wait_for_end(self, alert: str, seconds: float = 60) -> None:
        """Until it does not fire any more."""
        until(f"{alert} is over", lambda: alert not in self.firing(), seconds)


def hurried(rules: Json) -> Json:
    """The same rules, with short windows and no patience."""
    for group in rules["groups"]:
        for rule in group["rules"]:
            if "for" in rule:
                rule["for"] = WAIT
            expression = rule["expr"].replace("[15m:30s]", f"[{WINDOW}:1s]")
            expression = re.sub(r"\[(5|10|15|30)m\]|\[[16]h\]|\[[17]d\]", f"[{WINDOW}]", expression)
            expression = re.sub(r"offset (15m|1h|1d|6h)", f"offset {WAIT}", expression)
            expression = re.sub(r"> 900\b", f"> {STALE_SECONDS}", expression)
            expression = re.sub(r"> 3 \* 3600$", f"> {LATE_SECONDS}", expression)
            rule["expr"] = expression
    return rules
