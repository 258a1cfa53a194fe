"""Measure PII redaction: `python -m tools.bench.quality.redaction`.

Prints Markdown: recall by kind of personal data and the share of harmless sentences that are changed, on the sets of
tools/bench/quality/pii, the time per message, and how often personal data beside a question changes its answer.
A sentence counts as redacted if no word of the secret is left.
"""

from __future__ import annotations

import sys
import time
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path

import pandas as pd

from chatbot.dialog.message import OUT_OF_SCOPE, clean
from chatbot.dialog.router import Router
from chatbot.model.bundle import Bundle, load
from chatbot.privacy import redact, redact_with_core
from chatbot.settings import SlotSettings
from chatbot.word_lists import read_lists
from tools.bench.figures import BUNDLE, CORPUS, markdown
from tools.bench.quality.pii.sentences import read_sentences

Redact = Callable[[str], str]
SETS = ("blind", "informed", "free_text")
MESSAGES, REPEATS = 200, 7
TARGETS = {"password": 95, "intro": 92, "name": 85, "address": 85, "postcode": 85, "dob": 85}
STRUCTURED = 98
APPENDED = {
    name: [line.strip('"') for line in lines.splitlines()]
    for name, lines in read_lists(Path(__file__).parent / "pii" / "appended.txt").items()
}
"""Personal data that is appended to a message, by where the phrases come from."""


def main() -> None:
    """Print the tables."""
    sys.stdout.write(f"{recall_table(SETS)}\n{time_table()}\n")
    if BUNDLE.exists():
        sys.stdout.write(invariance_table(load(BUNDLE)))


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


def invariance_table(bundle: Bundle) -> str:
    """Return how often intent and routing stay the same when personal data is appended to a shipped message."""
    router = Router(bundle.rules, bundle.replies, bundle.manifest.thresholds, SlotSettings().values())
    corpus = pd.read_parquet(CORPUS)
    inside = corpus[corpus["intent"] != OUT_OF_SCOPE]["message"].map(clean)
    messages = [m for m in inside.sample(frac=1, random_state=14) if router.before_model(m) is None][
        :MESSAGES
    ]
    rows = [["Personal data appended", "as written", "without it (`redact_with_core`)"]]
    for name, phrases in APPENDED.items():
        texts = [[message + phrase for message in messages] for phrase in phrases]
        shares = []
        for prepare in (str, lambda text: redact_with_core(text)[1]):
            alone = _routes(router, bundle, messages, prepare)
            same = [sum(map(str.__eq__, alone, _routes(router, bundle, t, prepare))) for t in texts]
            shares.append(f"{sum(same) / len(same) / len(messages):.1%}")
        rows.append([f"{name} ({len(phrases)} phrases, {len(messages)} messages)", *shares])
    return markdown(rows[0], rows[1:])


def seconds(messages: Sequence[str]) -> float:
    """Return the mean processor time of the redaction of a message, the least of some repetitions."""
    best = float("inf")
    for _ in range(REPEATS):
        began = time.thread_time()
        for message in messages:
            redact(message)
        best = min(best, (time.thread_time() - began) / len(messages))
    return best


def _routes(router: Router, bundle: Bundle, messages: Sequence[str], prepare: Redact) -> list[str]:
    predictions = bundle.predict([prepare(message) for message in messages])
    replies = [router.after_model(m, p) for m, p in zip(messages, predictions, strict=True)]
    return [f"{reply.source} {reply.intent}" for reply in replies]


if __name__ == "__main__":
    main()
