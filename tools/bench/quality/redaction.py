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

import pandas as pd

from chatbot.dialog.message import OUT_OF_SCOPE, clean
from chatbot.dialog.router import Router
from chatbot.model.bundle import Bundle, load
from chatbot.privacy import redact, redact_with_core
from chatbot.settings import SlotSettings
from tools.bench.figures import BUNDLE, CORPUS, markdown
from tools.bench.quality.pii.sentences import read_sentences

Redact = Callable[[str], str]
SETS = ("blind", "informed", "free_text")
MESSAGES, REPEATS = 200, 7
TARGETS = {"password": 95, "intro": 92, "name": 85, "address": 85, "postcode": 85, "dob": 85}
STRUCTURED = 98
APPENDED = {
    "like the phrases that are removed": (
        " for max@example.com", ", my email is anna.k@example.org", " my name is Anna Schmidt", ". Regards, John Smith",
        " call me on +49 170 1234567", ". My phone number is 020 7946 0018", " (order 12345-AB)",
        ", my address is 12 Maple Street, London SW1A 1AA", ". I was born on 12/05/1985",
        ". Tracking 1Z999AA10123456784", " my password is hunter2", " card 4111 1111 1111 1111", ". Thanks, Priya",
        ", IBAN DE89 3704 0044 0532 0130 00", " from IP 192.168.10.4",
    ),
    "others": (
        " please, email jo@x.org", " - reply to jo.b@example.net", " Cheers, Tom", " my phone is 07700 900123",
        " (card 5555 5555 5555 4444)", ", name: Maria Lopez", " delivered to Flat 2, 14 Queen Street, Leeds LS1 4DY",
        " I'm Peter Walker", " using account jo@x.org", ", password: Tr0ub4dor&3", " my date of birth is 3 March 1985",
        " order #48213-AB",
    ),
    "held out": (
        " (sent from tanja.w@example.net)", ", you can write to pedro at example dot com",
        " - Jonathan Reed", " this is Maria Silva by the way", " my mobile number is +1 415 555 0132",
        ", paid with 4242 4242 4242 4242", " my customer number is 60213344", " - invoice INV-2024-00917",
        ". I live at 18 Rosslyn Road, Leeds LS6 2AB", ", born 1979-06-21", " my PIN is 4821",
        ". Kind regards, Nora Lind", " (tracking number 1Z12345E0205271688)", ", account 12345678",
        ". My order number is 112-3456789-1234567", " from 203.0.113.77",
    ),
}  # fmt: skip


def main() -> int:
    """Print the tables."""
    sys.stdout.write(f"{recall_table(SETS)}\n{time_table()}\n")
    if BUNDLE.exists():
        sys.stdout.write(invariance_table(load(BUNDLE)))
    return 0


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
    sys.exit(main())
