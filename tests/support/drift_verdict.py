"""Build a drift verdict as a drift check stores it, for tests of its consumers."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any


def drift_verdict(version: str, digest: str, checks: tuple[str, ...], colour: str = "red") -> dict[str, Any]:
    """Return the content of drift.json, with the current time and these checks red."""
    now = datetime.now(UTC).isoformat()
    check = {
        "against": "baseline",
        "statistic": 0.3,
        "effect": 0.3,
        "threshold": 0.1,
        "red": True,
        "alarms": True,
        "sentence": "More messages are out of scope than before.",
    }
    return {
        "verdict": colour,
        "made": now,
        "model_version": version,
        "bundle_digest": digest,
        "window": {"since": now, "until": now, "records": 2000},
        "checks": [check | {"name": name} for name in checks],
    }
