"""Serve the reference design that this project started from: FastAPI, SentenceTransformer, scikit-learn.

    python -m tools.bench.speed.baseline prepare --corpus C.parquet --messages M.json --out FOLDER
    python -m tools.bench.speed.baseline serve --model FOLDER --port 3100

The baseline is tuned, not handicapped: two worker processes on uvloop and httptools, no access log, and each message's
embedding goes directly to a LogisticRegression trained on the same corpus. One torch thread a worker and a coroutine as
the endpoint are the fastest of four ways that were measured (docs/performance.md).
"""

from __future__ import annotations

import json
import os
import pickle
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from pydantic import BaseModel

if TYPE_CHECKING:
    from fastapi import FastAPI
    from sentence_transformers import SentenceTransformer

CLASSIFIER_FILE = "classifier.pkl"
EXPECTED_FILE = "expected.json"
WORKERS = 2
# Intents whose probabilities differ by less count as a tie: padding changes the last digits.
TIE = 1e-3

app = typer.Typer(add_completion=False, pretty_exceptions_enable=False)


class Message(BaseModel):
    """A customer's message."""

    message: str


class BaselineAnswer(BaseModel):
    """The reference design's response schema."""

    intent: str
    response: str
    confidence: float


def create_app() -> FastAPI:
    """Create the application of one worker process, with the model of the folder in BASELINE_MODEL."""
    import torch
    from fastapi import FastAPI

    torch.set_num_threads(1)
    answer = _answerer(Path(os.environ["BASELINE_MODEL"]))
    answer("a first message, for what is made at the first call")
    api = FastAPI()

    @api.post("/chat")
    async def chat(message: Message) -> BaselineAnswer:
        return answer(message.message)

    return api


def load_encoder() -> SentenceTransformer:
    """Load the original encoder, on the CPU."""
    os.environ.setdefault("HF_HUB_DISABLE_TELEMETRY", "1")
    from sentence_transformers import SentenceTransformer

    from training.model.encoder.export import locate

    return SentenceTransformer(str(locate()), device="cpu", local_files_only=True)


def _answerer(folder: Path) -> Callable[[str], BaselineAnswer]:
    encoder = load_encoder()
    # The reference design pickles its classifier; `prepare` wrote this file just before.
    classifier = pickle.loads((folder / CLASSIFIER_FILE).read_bytes())  # noqa: S301
    labels = [str(label) for label in classifier.classes_]
    replies = {label: f"This is what we can do about {label.replace('_', ' ')}." for label in labels}

    def answer(message: str) -> BaselineAnswer:
        vector = encoder.encode([message], show_progress_bar=False)
        probabilities = classifier.predict_proba(vector)[0]
        best = int(probabilities.argmax())
        return BaselineAnswer(
            intent=labels[best], response=replies[labels[best]], confidence=float(probabilities[best])
        )

    return answer


@app.command()
def prepare(
    corpus: Annotated[Path, typer.Option(help="The processed corpus, as training reads it.")],
    messages: Annotated[Path, typer.Option(help="A JSON list of messages whose answers are noted.")],
    out: Annotated[Path, typer.Option(help="The folder to write to.")],
) -> None:
    """Train the classifier on the corpus, and record its prediction for each message, encoded alone."""
    import numpy as np
    import pandas as pd
    from sklearn.linear_model import LogisticRegression

    from chatbot.dialog.message import OUT_OF_SCOPE

    table = pd.read_parquet(corpus)
    table = table[table["intent"] != OUT_OF_SCOPE]
    encoder = load_encoder()
    vectors = encoder.encode(table["message"].tolist(), batch_size=64, show_progress_bar=False)
    classifier = LogisticRegression(C=10, tol=1e-6, max_iter=1000).fit(vectors, table["intent"].to_numpy())

    asked: list[str] = json.loads(messages.read_text(encoding="utf-8"))
    found = classifier.predict_proba(encoder.encode(asked, batch_size=64, show_progress_bar=False))
    labels = np.asarray(classifier.classes_)
    expected = []
    for row in found:
        near = labels[row >= row.max() - TIE].tolist()
        intent = str(labels[int(row.argmax())])
        expected.append([intent, [label for label in near if label != intent]])
    out.mkdir(parents=True, exist_ok=True)
    (out / CLASSIFIER_FILE).write_bytes(pickle.dumps(classifier))
    (out / EXPECTED_FILE).write_text(json.dumps(expected), encoding="utf-8")


@app.command()
def serve(
    model: Annotated[Path, typer.Option(help="What `prepare` wrote.")],
    port: Annotated[int, typer.Option(help="The port to listen on.")],
) -> None:
    """Serve POST /chat."""
    import uvicorn

    # Workers are new processes: they read their configuration from the environment.
    os.environ |= {
        "BASELINE_MODEL": str(model),
        "OMP_NUM_THREADS": "1",
        "OPENBLAS_NUM_THREADS": "1",
        "TOKENIZERS_PARALLELISM": "false",
    }
    uvicorn.run(
        "tools.bench.speed.baseline:create_app",
        factory=True,
        host="127.0.0.1",
        port=port,
        workers=WORKERS,
        access_log=False,
        log_level="warning",
    )


if __name__ == "__main__":
    app()
