"""Run the preflight check of a bundle: real messages through encoder, classifier and router.

python -m training.prove FOLDER       exit code 0 on success, else 1 and one line with the reason
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from chatbot.dialog.message import clean
from chatbot.errors import BundleError
from chatbot.model import bundle as bundles
from chatbot.settings import RouterSettings, SlotSettings
from data.commands import command

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


@command()
def main(folder: Annotated[Path, typer.Argument(help="The bundle.")]) -> None:
    """Answer the bundle's example messages. Exit code 0 on success, else 1 and one line with the reason."""
    typer.echo(f"{answer_all(folder)} messages answered")


if __name__ == "__main__":
    main()
