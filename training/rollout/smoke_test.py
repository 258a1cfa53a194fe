"""Run the preflight check of a bundle in a subprocess: real messages through encoder, classifier and router.

The subprocess isolates the caller from crashes and memory use of the runtime.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from chatbot.dialog.message import clean
from chatbot.errors import BundleError
from chatbot.model import bundle as bundles
from chatbot.settings import RouterSettings, SlotSettings

ROOT = Path(__file__).resolve().parents[2]
TIMEOUT_SECONDS = 120.0
# Example messages of replies are training messages: a bundle that misclassifies more than half of them is unusable.
MIN_CORRECT = 0.5


def prove(folder: Path) -> str:
    """Run the preflight check of a bundle in a subprocess; return why it failed, in one line; empty: it can serve."""
    command = [sys.executable, "-m", "training.prove", str(folder.resolve())]
    try:
        done = subprocess.run(
            command, cwd=ROOT, capture_output=True, text=True, timeout=TIMEOUT_SECONDS, check=False
        )
    except subprocess.TimeoutExpired:
        return f"the bundle did not answer its messages within {TIMEOUT_SECONDS:g} s"
    if done.returncode == 0:
        return ""
    lines = [line for line in done.stderr.splitlines() if line.strip()]
    return lines[-1] if lines else f"the preflight check ended with {done.returncode}"


def answer_all(folder: Path) -> int:
    """Answer every example message of every intent; return their number.

    Raises:
        BundleError: the bundle is damaged, gives an empty answer, or predicts the right intent for less than
            `MIN_CORRECT` of its example messages.
        SettingError: a reply has a slot without a value.
    """
    bundle = bundles.load(folder)
    router = bundle.router(RouterSettings(), SlotSettings())
    examples = [(intent, clean(e)) for intent, text in bundle.replies.texts.items() for e in text.examples]
    examples = [
        (intent, message) for intent, message in examples if message and intent in bundle.manifest.labels
    ]
    predictions = bundle.predict([message for _, message in examples])
    right = 0
    for (intent, message), prediction in zip(examples, predictions, strict=True):
        reply = router.before_model(message) or router.after_model(message, prediction)
        if not reply.response.strip():
            raise BundleError(f"{folder} has an empty answer to {message!r}")
        right += prediction.alternatives[0].intent == intent
    if right < MIN_CORRECT * len(examples):
        raise BundleError(
            f"{folder} predicts the intent of only {right} of its {len(examples)} example messages"
        )
    return len(examples)
