"""Measure PII redaction: `python -m tools.bench.quality.redaction [--tuning] [--before REVISION]`.

Prints Markdown: recall by kind of personal data on generated sentences (tools/bench/quality/pii), the share of harmless
sentences that are changed, the time per message, and how often personal data beside a question changes its answer.
A sentence counts as redacted if no word of the secret is left. `blind` templates were written before their author read
the rules; the rules were never tuned on their held-out third, whose templates were drawn by checksum.
"""

from __future__ import annotations

import argparse
import importlib
import io
import subprocess
import sys
import tarfile
import tempfile
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
from tools.bench.figures import BUNDLE, CORPUS, markdown
from tools.bench.quality.pii.free_text import free_text
from tools.bench.quality.pii.sentences import AUTHORS, Part, Sentence, harmless, sensitive

Redact = Callable[[str], str]
PER_KIND = {"tuning": 80, "held-out": 40}
HARMLESS = 500
MESSAGES, REPEATS = 200, 7
TARGETS = {"password": 95, "intro": 92, "name": 85, "address": 85, "postcode": 85, "dob": 85}
STRUCTURED = 98
BY_LANGUAGE = {"password": "passwords, PINs", "intro": "introduced names"}
LANGUAGES = ("en", "de", "fr", "es", "it", "pt")
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
    parser = argparse.ArgumentParser(prog="python -m tools.bench.quality.redaction", description=__doc__)
    parser.add_argument("--tuning", action="store_true", help="leave the held-out part closed")
    parser.add_argument("--before", metavar="REVISION", help="time the redaction of this git revision, too")
    options = parser.parse_args()
    parts: list[Part] = ["tuning"] if options.tuning else ["tuning", "held-out"]
    sets = [(author, part) for author in AUTHORS for part in parts]
    sys.stdout.write(recall_table(sets) + "\n" + language_table(sets) + "\n")
    if not options.tuning:
        sys.stdout.write(free_text_table() + "\n")
    sys.stdout.write(time_table(options.before) + "\n")
    if BUNDLE.exists():
        sys.stdout.write(invariance_table(load(BUNDLE)))
    return 0


def recall_table(sets: Sequence[tuple[str, Part]]) -> str:
    """Return the share of sentences redacted by kind, and of harmless sentences changed."""
    found = {key: _caught(sensitive(*key, PER_KIND[key[1]])) for key in sets}
    kinds = sorted(
        {kind for caught, _ in found.values() for kind in caught},
        key=lambda k: (TARGETS.get(k, STRUCTURED), k),
    )
    rows = [["Kind", "Target", *(f"{author}, {part}" for author, part in sets)]]
    for kind in kinds:
        shares = [_share(caught[kind], total[kind]) for caught, total in found.values()]
        rows.append([kind, f"{TARGETS.get(kind, STRUCTURED)}%", *shares])
    rows.append(["sentences", "", *(f"{sum(total.values()):,}" for _, total in found.values())])
    quiet = [harmless(author, part, HARMLESS) for author, part in sets]
    changed = [sum(redact(sentence.text) != sentence.text for sentence in sentences) for sentences in quiet]
    rows.append(
        [
            "harmless, changed",
            "1%",
            *(f"{n / len(s):.1%} of {len(s)}" for n, s in zip(changed, quiet, strict=True)),
        ]
    )
    return markdown(rows[0], rows[1:])


def language_table(sets: Sequence[tuple[str, Part]]) -> str:
    """Return the share of sentences redacted in six languages, all authors together."""
    rows = [["By language", *LANGUAGES]]
    sentences = [s for author, part in sets for s in sensitive(author, part, 2 * PER_KIND[part])]
    for kind, name in BY_LANGUAGE.items():
        row = [name]
        for language in LANGUAGES:
            caught, total = _caught([s for s in sentences if (s.kind, s.language) == (kind, language)])
            row.append(f"{_share(caught[kind], total[kind])} of {total[kind]}")
        rows.append(row)
    return markdown(rows[0], rows[1:])


def free_text_table() -> str:
    """Return the same of the free text, on which no rule was tuned, and the share by language."""
    personal, quiet = free_text()
    rows = [["Free text, held-out", "Target", "redacted"]]
    for kind in sorted({s.kind for s in personal}, key=lambda k: (TARGETS.get(k, STRUCTURED), k)):
        caught, total = _caught([s for s in personal if s.kind == kind])
        share = f"{_share(caught[kind], total[kind])} of {total[kind]}"
        rows.append([kind, f"{TARGETS.get(kind, STRUCTURED)}%", share])
    structured = [s for s in personal if s.kind not in TARGETS]
    caught, total = _caught(structured)
    rows.append(
        [
            "structured kinds together",
            f"{STRUCTURED}%",
            f"{_share(caught.total(), total.total())} of {total.total()}",
        ]
    )
    changed = sum(redact(s.text) != s.text for s in quiet)
    rows.append(["harmless, changed", "1%", f"{changed / len(quiet):.1%} of {len(quiet)}"])
    return markdown(rows[0], rows[1:])


def time_table(before: str | None) -> str:
    """Return the mean processor time per message, and the ratio to an older revision measured in the same run."""
    old = _revision(before) if before else None
    corpus = pd.read_parquet(CORPUS)
    samples = {
        "shipped messages": corpus["message"].sample(400, random_state=14).tolist(),
        "sensitive sentences": [s.text for s in sensitive("informed", "tuning", 20)],
        "harmless sentences": [s.text for s in harmless("informed", "tuning", 400)],
    }
    rows = [["Time", "µs per message", f"ratio to {before or '(--before)'}"]]
    for name, messages in samples.items():
        new = seconds(redact, messages)
        rows.append([name, f"{1e6 * new:.0f}", f"{new / seconds(old, messages):.2f}" if old else ""])
    return markdown(rows[0], rows[1:])


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


def seconds(redaction: Redact, messages: Sequence[str]) -> float:
    """Return the mean processor time per message, the best of some repetitions."""
    best = float("inf")
    for _ in range(REPEATS):
        began = time.thread_time()
        for message in messages:
            redaction(message)
        best = min(best, (time.thread_time() - began) / len(messages))
    return best


def _caught(sentences: Sequence[Sentence]) -> tuple[Counter[str], Counter[str]]:
    caught = Counter(s.kind for s in sentences if not s.leaks(redact(s.text)))
    return caught, Counter(s.kind for s in sentences)


def _share(part: int, whole: int) -> str:
    return f"{part / whole:.1%}" if whole else "no sentence"


def _routes(router: Router, bundle: Bundle, messages: Sequence[str], prepare: Redact) -> list[str]:
    predictions = bundle.predict([prepare(message) for message in messages])
    replies = [router.after_model(m, p) for m, p in zip(messages, predictions, strict=True)]
    return [f"{reply.source} {reply.intent}" for reply in replies]


def _revision(revision: str) -> Redact:
    """Import chatbot.privacy of a git revision under another name."""
    folder = Path(tempfile.mkdtemp(prefix="privacy-before-"))
    packed = subprocess.run(
        ["git", "archive", revision, "chatbot/privacy"],  # noqa: S607 - the developer's git
        check=True,
        capture_output=True,
    ).stdout
    with tarfile.open(fileobj=io.BytesIO(packed)) as archive:
        archive.extractall(folder, filter="data")
    package = (folder / "chatbot" / "privacy").rename(folder / "privacy_before")
    for file in package.glob("*.py"):
        file.write_text(
            file.read_text(encoding="utf-8").replace("chatbot.privacy", "privacy_before"), encoding="utf-8"
        )
    sys.path.insert(0, str(folder))
    redaction: Redact = importlib.import_module("privacy_before").redact
    return redaction


if __name__ == "__main__":
    sys.exit(main())
