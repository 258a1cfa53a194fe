"""Run the preflight check of a bundle: real messages through encoder, classifier and router.

python -m training.prove FOLDER       exit code 0 on success, else 1 and one line with the reason
"""

from __future__ import annotations

import sys
from pathlib import Path

from chatbot.dialog.message import clean
from chatbot.errors import BundleError, ChatbotError
from chatbot.model import bundle as bundles
from chatbot.settings import RouterSettings, SlotSettings

# Example messages of replies are training messages: a bundle that misclassifies more than half of them is unusable.
MIN_CORRECT = 0.5


def answer_all(folder: Path) -> int:
    """Answer every example message of every intent; return their number.

    Raises:
        BundleError: the bundle is damaged, gives an empty answer, or predicts the right intent for less than
            `MIN_CORRECT` of its example messages.
        SettingError: a reply has a slot without a value.
    """
    bundle = bundles.load(folder)
    router = bundle.router(RouterSettings(), SlotSettings())
    examples = [
        (intent, message)
        for intent, text in bundle.replies.texts.items()
        for message in map(clean, text.examples)
        if message and intent in bundle.manifest.labels
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


def main() -> int:
    """Check the bundle named by the only argument; return the exit code."""
    if len(sys.argv) != 2 or sys.argv[1].startswith("-"):
        sys.stderr.write(__doc__ or "")
        return 1
    try:
        answered = answer_all(Path(sys.argv[1]))
    except ChatbotError as error:
        sys.stderr.write(f"{error}\n")
        return 1
    sys.stdout.write(f"{answered} messages answered\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
