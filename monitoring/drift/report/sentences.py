"""Explain the numbers of each check in a sentence for a support lead."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable

from chatbot.loop.drift_verdict import BASELINE, Check
from monitoring.drift.checks import Finding
from monitoring.drift.histograms import Tally

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


def check_of(finding: Finding, against: str, alarms: bool, base: Tally, window: Tally) -> Check:
    """Convert a finding into a check of the verdict, with its explanation.

    Args:
        finding: numbers of the check.
        against: `baseline` or `reference`.
        alarms: whether the check counts towards the verdict.
        base: tally of the baseline or the reference.
        window: tally of the window.
    """
    statistic = 0.0 if math.isnan(finding.statistic) else finding.statistic
    explanation = _SENTENCES[finding.name](finding, base, window, _than(against))
    verdict = (
        " For information only."
        if not alarms
        else ""
        if finding.red
        else " That is within the usual variation."
    )
    return Check(
        name=finding.name,
        against="baseline" if against == BASELINE else "reference",
        statistic=round(statistic, 4),
        measure=MEASURES[finding.name],
        effect=round(finding.effect, 4),
        threshold=round(finding.threshold, 4),
        red=finding.red,
        alarms=alarms,
        sentence=explanation + verdict,
    )


def _than(against: str) -> str:
    return "in the version's first messages" if against == BASELINE else "in its training messages"


def _messages(finding: Finding, _base: Tally, _window: Tally, _than: str) -> str:
    times = finding.effect / finding.threshold
    if finding.red:
        return (
            f"Taken together (wording, intents, confidence, scope), messages are of other kinds than before: the "
            f"difference is {times:.1f} times the threshold. The examples show which."
        )
    return f"Taken together, messages are of the same kinds as before: the difference is {times:.0%} of the threshold."


def _intent(finding: Finding, _base: Tally, _window: Tally, than: str) -> str:
    moved = "rose" if finding.statistic > finding.before else "fell"
    return (
        f"The share of {finding.what} {moved} to {_percent(finding.statistic)} of the messages; it was "
        f"{_percent(finding.before)} {than}."
    )


def _intents(finding: Finding, _base: Tally, _window: Tally, than: str) -> str:
    return f"{_percent(finding.effect)} of the messages would need another intent for the mix to equal that {than}."


def _topic(finding: Finding, base: Tally, window: Tally, than: str) -> str:
    topic = int(finding.what)
    tally = window if finding.statistic > finding.before else base
    names = [name for name, _ in tally.topic_intents.get(topic, Counter()).most_common(2)]
    kind = f" (mostly {' and '.join(names)})" if names else ""
    moved = "rose" if finding.statistic > finding.before else "fell"
    return (
        f"Messages about one topic{kind} {moved} to {_percent(finding.statistic)}; it was "
        f"{_percent(finding.before)} {than}."
    )


def _embedding(finding: Finding, _base: Tally, _window: Tally, than: str) -> str:
    return (
        f"The topics of the messages differ by {_percent(finding.effect)} from those {than} ({finding.what})."
    )


def _number(unit: str, digits: int) -> Callable[[Finding, Tally, Tally, str], str]:
    def sentence(finding: Finding, _base: Tally, _window: Tally, than: str) -> str:
        title = TITLES[finding.name]
        now, before = (f"{value:.{digits}f}{unit}" for value in (finding.statistic, finding.before))
        same = f"The median of {title} is {now}; it was {before} {than}."
        return f"{same} The distributions differ by {_percent(finding.effect)}."

    return sentence


def _low(what: str) -> Callable[[Finding, Tally, Tally, str], str]:
    def sentence(finding: Finding, _base: Tally, _window: Tally, than: str) -> str:
        return (
            f"{_percent(finding.statistic)} of the messages {what}; it was {_percent(finding.before)} {than}."
        )

    return sentence


def _percent(share: float) -> str:
    return f"{share:.1%}".replace("%", " %")


_SENTENCES: dict[str, Callable[[Finding, Tally, Tally, str], str]] = {
    "messages": _messages,
    "intent": _intent,
    "intents": _intents,
    "topic": _topic,
    "embedding": _embedding,
    "chars": _number("", 0),
    "words": _number("", 0),
    "non_letter_share": _number("", 3),
    "upper_share": _number("", 3),
    "confidence": _number("", 2),
    "scope": _number("", 2),
    "confidence.low": _low("get an answer with low confidence"),
    "scope.low": _low("are unlike the training messages"),
    "handoffs": _low("are handed over to a person"),
    "feedback": _low("with feedback got a thumbs down"),
    "new_kind": _low("are of a kind that has become more frequent"),
}
