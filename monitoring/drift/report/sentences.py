"""Explain the numbers of each check in a sentence for a support lead."""

from __future__ import annotations

import math
from collections import Counter

from chatbot.loop.drift_verdict import BASELINE, Check
from monitoring.drift.checks import CHECKS, Finding
from monitoring.drift.histograms import Tally, most_common


def check_of(finding: Finding, against: str, alarms: bool, base: Tally, window: Tally) -> Check:
    """Convert a finding into a check of the verdict, with its explanation; `alarms`: it counts towards the verdict."""
    rose = finding.statistic > finding.before
    texts = CHECKS[finding.name]
    template = texts.get("red_sentence", texts["sentence"]) if finding.red else texts["sentence"]
    sentence = template.format(
        title=texts["title"],
        what=finding.what,
        kind=_kind(finding.what, window if rose else base) if finding.name == "topic" else "",
        moved="rose" if rose else "fell",
        statistic=finding.statistic,
        base=finding.before,
        now=_percent(finding.statistic),
        before=_percent(finding.before),
        effect=_percent(finding.effect),
        times=finding.effect / finding.threshold,
        than="in the version's first messages" if against == BASELINE else "in its training messages",
    )
    if not alarms:
        sentence += " For information only."
    elif not finding.red:
        sentence += " That is within the usual variation."
    return Check(
        name=finding.name,
        against="baseline" if against == BASELINE else "reference",
        statistic=0.0 if math.isnan(finding.statistic) else round(finding.statistic, 4),
        measure=texts["measure"],
        effect=round(finding.effect, 4),
        threshold=round(finding.threshold, 4),
        red=finding.red,
        alarms=alarms,
        sentence=sentence,
    )


def _kind(topic: str, tally: Tally) -> str:
    """Describe a topic by its most frequent intents."""
    names = [name for name, _ in most_common(tally.topic_intents.get(int(topic), Counter()), 2)]
    return f" (mostly {' and '.join(names)})" if names else ""


def _percent(share: float) -> str:
    return f"{share:.1%}".replace("%", " %")
