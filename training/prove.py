"""Prove a bundle before it may serve: real messages through encoder, classifier and router, in a process of its own.

    python -m training.prove FOLDER       0 when it answers, else 1 and one line that says why

Neither a crash of the runtime nor its memory reaches whoever asks.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

if not __package__:  # run as `python training/prove.py`
    sys.path[0] = str(Path(__file__).resolve().parents[1])

from chatbot import bundle as bundles
from chatbot.errors import BundleError, ChatbotError
from chatbot.message import clean
from chatbot.router import Router
from chatbot.settings import RouterSettings, SlotSettings

ROOT = Path(__file__).resolve().parents[1]
PROOF_SECONDS = 120.0
# The examples that a reply shows are messages it was taught: a bundle that misses half of them is no model of them.
LEAST_RIGHT = 0.5


def prove(folder: Path) -> str:
    """Let a process of its own load a bundle and answer real messages with it.

    Returns:
        Why it cannot serve, in one line; empty: it can.
    """
    command = [sys.executable, "-m", "training.prove", str(folder.resolve())]
    try:
        tried = subprocess.run(
            command, cwd=ROOT, capture_output=True, text=True, timeout=PROOF_SECONDS, check=False
        )
    except subprocess.TimeoutExpired:
        return f"the bundle did not answer its messages within {PROOF_SECONDS:g} s"
    if tried.returncode == 0:
        return ""
    lines = [line for line in tried.stderr.splitlines() if line.strip()]
    return lines[-1] if lines else f"trying the bundle ended with {tried.returncode}"


def answer_all(folder: Path) -> int:
    """Answer every example message of every intent.

    Returns:
        How many were answered.

    Raises:
        BundleError: the bundle is damaged, gives no answer, or does not know its own intents.
        SettingError: a reply needs a slot that has no value.
    """
    bundle = bundles.load(folder)
    thresholds = bundle.manifest.thresholds.overridden(RouterSettings())
    router = Router(bundle.rules, bundle.replies, thresholds, SlotSettings().values())
    asked = [(intent, clean(e)) for intent, text in bundle.replies.texts.items() for e in text.examples]
    asked = [(intent, message) for intent, message in asked if message and intent in bundle.manifest.labels]
    predictions = bundle.predict([message for _, message in asked])
    right = 0
    for (intent, message), prediction in zip(asked, predictions, strict=True):
        reply = router.before_model(message) or router.after_model(message, prediction)
        if not reply.response.strip():
            raise BundleError(f"{folder} answers {message!r} with nothing")
        right += prediction.alternatives[0].intent == intent
    if right < LEAST_RIGHT * len(asked):
        raise BundleError(f"{folder} knows {right} of the {len(asked)} example messages of its own intents")
    return len(asked)


def main() -> int:
    """Prove the bundle that the one argument names."""
    try:
        answered = answer_all(Path(sys.argv[1]))
    except (ChatbotError, IndexError) as error:
        sys.stderr.write(f"{error}\n" if isinstance(error, ChatbotError) else f"{__doc__}\n")
        return 1
    sys.stdout.write(f"{answered} messages answered\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
