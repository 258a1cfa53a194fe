"""Say why little of a corpus is answered, and what to do about it."""

from __future__ import annotations

from data.checks import FEW_MESSAGES
from training.labels.findings import LabelFindings

MAX_NAMED = 10


def advice(findings: LabelFindings) -> list[str]:
    """Return why little is answered and what to do about it, in sentences without any message."""
    found: list[str] = []
    if findings.suspects:
        found.append(
            f"Suspect labels: {len(findings.suspects):,}. Check these first: wrong labels among the most confident "
            "rows cost the most answers."
        )
    if findings.pairs:
        named = ", ".join(f"{pair.first} and {pair.second}" for pair in findings.pairs[:MAX_NAMED])
        found.append(
            f"Pairs of intents that overlap: {len(findings.pairs):,}. Merge them, or move messages so that each "
            f"says which one it means: {named}."
        )
    if findings.few:
        named = ", ".join(f"{intent} ({count})" for intent, count in findings.few[:MAX_NAMED])
        found.append(
            f"Intents with fewer than {FEW_MESSAGES} distinct messages: {len(findings.few):,}. Add messages as "
            f"customers write them to {named}."
        )
    return found or ["Nothing stands out: more messages of every intent help most."]
