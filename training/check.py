"""Check a corpus's labels before training: `python -m data.check CORPUS`.

Finds suspect labels, intents that overlap, intents with too few messages, and near-duplicates with different labels,
with the encoder and the head that a training uses.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from pydantic import ValidationError
from rich.console import Console
from rich.text import Text

from chatbot.dialog.message import clean
from chatbot.settings import StorageSettings
from chatbot.store import open_store
from data.checks import check
from data.columns import Columns, takes_columns
from data.commands import command
from data.decisions import DECISIONS_FILE, beside
from data.errors import CorpusError, Problem, problems_table
from data.loading import Loaded, read_corpus
from data.placeholders import fill_all
from data.processing import CORPUS_COLUMNS, read_processed
from training.corpus.reading import is_processed
from training.labels.examine import examine
from training.labels.findings import LabelFindings
from training.labels.report.render import CSV_FILE, PAGE_FILE, print_findings, write_findings
from training.model.distinct import distinct_groups
from training.model.encoder.batch import encode
from training.model.encoder.export import export
from training.model.fit import FOLDS, fit
from training.model.notices import language_notices
from training.model.params import TrainParams
from training.progress import Steps
from training.review.labels import put_findings


@command(ValidationError)
@takes_columns()
def main(
    columns: Columns,
    corpus: Annotated[
        Path,
        typer.Argument(
            help="A processed corpus, or a file, folder or export of any format in docs/corpus.md."
        ),
    ],
    out: Annotated[Path, typer.Option(help=f"Where {CSV_FILE} and {PAGE_FILE} are written.")] = Path(
        "models/label-check"
    ),
    params: Annotated[Path, typer.Option(help="A params.yaml; its section `train` is read.")] = Path(
        "params.yaml"
    ),
    encoder: Annotated[str | None, typer.Option(help="Any SentenceTransformers name or folder.")] = None,
    cache: Annotated[Path, typer.Option(help="Where exported encoders are kept.")] = Path(".cache/encoders"),
    queue: Annotated[
        bool, typer.Option("--queue", help="Show the suspects on the staff pages (CHATBOT_STORE_URL).")
    ] = False,
) -> None:
    """Find label errors: suspect rows, intents that overlap, too few messages, near-duplicates with two labels.

    Exit code 0: checked, whatever was found; 1: some rows cannot be read (the others are still checked).
    """
    console = Console(stderr=True)
    section = TrainParams.read(params, {"encoder": encoder})
    with Steps(console) as steps:
        with steps.wait("corpus"):
            loaded, errors, warnings = read_usable(corpus, columns)
        findings = check_labels(loaded, section.encoder, cache, section.seed, steps)
        write_findings(findings, out, str(corpus))
        if queue:
            put_findings(open_store(StorageSettings()), findings)
    warnings += language_notices(section.encoder, loaded.table["message"].tolist())
    for table in problems_table(errors, warnings):
        console.print(table)
    result = Console()
    print_findings(result, findings)
    decide = f"Decide in: {out / CSV_FILE}; saved as {beside(corpus, DECISIONS_FILE)} it is applied"
    result.print(Text(f"Page: {out / PAGE_FILE}\n{decide}"), soft_wrap=True)
    if errors:
        raise typer.Exit(1)


def read_usable(corpus: Path, columns: Columns) -> tuple[Loaded, list[Problem], list[Problem]]:
    """Read the usable rows of any corpus, with errors about the others and warnings.

    Raises: CorpusError: no two intents are left.
    """
    if is_processed(corpus):
        return Loaded(read_processed(corpus)[list(CORPUS_COLUMNS)], [], [], {}), [], []
    loaded = read_corpus(corpus, columns)
    report = check(loaded.table)
    if not report.ok:
        raise CorpusError([*loaded.problems, *(report.errors if len(loaded.table) else [])])
    # Contradictions and intents with few messages are among the findings.
    return loaded, loaded.problems, loaded.notices


def check_labels(loaded: Loaded, encoder: str, cache: Path, seed: int, steps: Steps) -> LabelFindings:
    """Encode a corpus, predict every row by folds, and examine the labels; out-of-scope rows count as a label.

    Raises: ChatbotError: the encoder cannot be used.
    """
    rows = loaded.table if "group" in loaded.table else fill_all(loaded.table)
    messages = [clean(message) for message in rows["message"]]
    labels = rows["intent"].tolist()
    with steps.wait("encoder"):
        exported = export(encoder, cache, messages, labels)
    with steps.count("encode", len(messages)) as advance:
        encoded = encode(exported.load(), messages, advance)
    with steps.wait("copies"):
        groups = distinct_groups(messages)
    with steps.count("fit", FOLDS + 1) as advance:
        fitted = fit(encoded, labels, groups.astype(str).tolist(), seed, advance)
    with steps.wait("labels"):
        findings = examine(
            list(zip(messages, labels, rows["row_hash"], rows["source"], strict=True)),
            groups.tolist(),
            encoded.vectors,
            *fitted.judged,
            fitted.classifier.labels,
        )
    return findings.without(loaded.kept)


if __name__ == "__main__":
    main(prog_name="python -m data.check")
