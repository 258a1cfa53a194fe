"""Measure PII redaction: `python -m tools.bench.quality.redaction`.

Prints Markdown: recall by kind of personal data and the share of harmless sentences that are changed, on the sets of
tools/bench/quality/pii, and the time per message. A sentence counts as redacted if no word of the secret is left.
"""

from __future__ import annotations

import sys
import time
from collections import Counter
from collections.abc import Sequence

import pandas as pd

from chatbot.privacy import redact
from tools.bench.figures import CORPUS, markdown
from tools.bench.quality.pii.sentences import read_sentences

SETS = ("blind", "informed", "free_text")
REPEATS = 7
TARGETS = {"password": 95, "intro": 92, "name": 85, "address": 85, "postcode": 85, "dob": 85}
STRUCTURED = 98


def main() -> None:
    """Print the tables."""
    sys.stdout.write(f"{recall_table(SETS)}\n{time_table()}")


def recall_table(names: Sequence[str]) -> str:
    """Return the share of sentences redacted by kind, and of harmless sentences changed."""
    columns = {}
    for name in names:
        personal, quiet = read_sentences(name)
        total = Counter(s.kind for s in personal)
        caught = Counter(s.kind for s in personal if not s.leaks(redact(s.text)))
        shares = {kind: f"{caught[kind] / count:.1%} of {count}" for kind, count in total.items()}
        changed = sum(redact(s.text) != s.text for s in quiet)
        columns[name] = shares | {"harmless, changed": f"{changed / len(quiet):.1%} of {len(quiet)}"}
    targets = {kind: TARGETS.get(kind, STRUCTURED) for kind in {k for c in columns.values() for k in c}}
    targets["harmless, changed"] = 1
    kinds = sorted(targets, key=lambda kind: (kind == "harmless, changed", targets[kind], kind))
    rows = [[kind, f"{targets[kind]}%", *(c.get(kind, "") for c in columns.values())] for kind in kinds]
    return markdown(["Kind", "Target", *names], rows)


def time_table() -> str:
    """Return the mean processor time per message."""
    sensitive, harmless = read_sentences("informed")
    samples = {
        "shipped messages": pd.read_parquet(CORPUS)["message"].sample(400, random_state=14).tolist(),
        "sensitive sentences": [s.text for s in sensitive],
        "harmless sentences": [s.text for s in harmless],
    }
    rows = [(name, f"{1e6 * seconds(messages):.0f}") for name, messages in samples.items()]
    return markdown(("Time", "µs per message"), rows)


def seconds(messages: Sequence[str]) -> float:
    """Return the mean processor time of the redaction of a message, the least of some repetitions."""
    best = float("inf")
    for _ in range(REPEATS):
        began = time.thread_time()
        for message in messages:
            redact(message)
        best = min(best, (time.thread_time() - began) / len(messages))
    return best


if __name__ == "__main__":
    main()
