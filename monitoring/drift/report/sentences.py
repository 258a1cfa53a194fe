"""Explain the numbers of each check in a sentence for a support lead."""

from __future__ import annotations

import math
from collections import Counter

from chatbot.loop.drift_verdict import BASELINE, Check
from monitoring.drift.checks import Finding
from monitoring.drift.histograms import Tally, most_common

_DISTANCE = "Kolmogorov-Smirnov distance of the distributions"
_SHARE = "difference of shares"
MEASURES = {
    "messages": "kernel distance of the means, in standard deviations of the baseline",
    "intents": "total variation distance of the intent mix",
    "intent": "largest difference of an intent's share",
    "topic": "largest difference of a topic's share",
    "embedding": f"largest {_DISTANCE} of an axis of the embedding summary",
    **dict.fromkeys(("confidence.low", "scope.low", "handoffs", "feedback", "new_kind"), _SHARE),
    **dict.fromkeys(
        ("chars", "words", "non_letter_share", "upper_share", "confidence", "scope"), f"{_DISTANCE}; median"
    ),
}
TITLES = {
    "messages": "messages as a whole",
    "new_kind": "messages of a new kind",
    "chars": "length in characters",
    "words": "length in words",
    "non_letter_share": "digits and signs",
    "upper_share": "capital letters",
    "confidence": "confidence",
    "scope": "scope",
    "confidence.low": "unsure answers",
    "scope.low": "unfamiliar messages",
    "intent": "share of one intent",
    "intents": "intent mix",
    "embedding": "topics of messages",
    "topic": "share of one topic",
    "handoffs": "handoffs to a person",
    "feedback": "thumbs down",
}
_MEDIAN = "The median of {title} is {statistic:.%df}; it was {base:.%df} {than}. The distributions differ by {effect}."
_SHARE_OF = "{now} of the messages %s; it was {before} {than}."
_SENTENCES = {
    "intent": "The share of {what} {moved} to {now} of the messages; it was {before} {than}.",
    "intents": "{effect} of the messages would need another intent for the mix to equal that {than}.",
    "topic": "Messages about one topic{kind} {moved} to {now}; it was {before} {than}.",
    "embedding": "The topics of the messages differ by {effect} from those {than} ({what}).",
    **dict.fromkeys(("chars", "words"), _MEDIAN % (0, 0)),
    **dict.fromkeys(("non_letter_share", "upper_share"), _MEDIAN % (3, 3)),
    **dict.fromkeys(("confidence", "scope"), _MEDIAN % (2, 2)),
    "confidence.low": _SHARE_OF % "get an answer with low confidence",
    "scope.low": _SHARE_OF % "are unlike the training messages",
    "handoffs": _SHARE_OF % "are handed over to a person",
    "feedback": _SHARE_OF % "with feedback got a thumbs down",
    "new_kind": _SHARE_OF % "are of a kind that has become more frequent",
}
_MESSAGES = {
    True: "Taken together (wording, intents, confidence, scope), messages are of other kinds than before: the "
    "difference is {times:.1f} times the threshold. The examples show which.",
    False: "Taken together, messages are of the same kinds as before: the difference is {times:.0%} of the threshold.",
}
"""Sentence of the check `messages`, by whether it is red."""


def check_of(finding: Finding, against: str, alarms: bool, base: Tally, window: Tally) -> Check:
    """Convert a finding into a check of the verdict, with its explanation; `alarms`: it counts towards the verdict."""
    rose = finding.statistic > finding.before
    template = _MESSAGES[finding.red] if finding.name == "messages" else _SENTENCES[finding.name]
    sentence = template.format(
        title=TITLES[finding.name],
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
        measure=MEASURES[finding.name],
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
