"""`python -m data.fetch bitext`: download the published Bitext corpus, which this project may not ship."""

from __future__ import annotations

import hashlib
import sys
from pathlib import Path
from typing import Annotated, Literal
from urllib.request import Request

if not __package__:  # run as `python data/fetch.py`
    sys.path[0] = str(Path(__file__).resolve().parents[1])

    from chatbot.interrupt import exit_on_interrupt

    exit_on_interrupt()

import typer
from rich.console import Console

from chatbot.errors import ChatbotError
from chatbot.files import write_file
from chatbot.runtime import REAL
from data.columns import Columns
from data.commands import command
from data.errors import CorpusError
from data.loading import load_corpus

REVISION = "430d1a89bd93bd1fa23c16f29dd53e73f0087443"
BITEXT_URL = (
    "https://huggingface.co/datasets/bitext/Bitext-customer-support-llm-chatbot-training-dataset/resolve/"
    f"{REVISION}/Bitext_Sample_Customer_Support_Training_Dataset_27K_responses-v11.csv"
)
"""The published file at a fixed revision, whose digest is known."""
BITEXT_SHA256 = "6f81102b0100b97b8468eb04368033a23206bf1fde9d53500d5806ec1001a434"
BITEXT_ROWS = 26_872
BITEXT_FILE = Path("data/raw/bitext_customer_support.csv")
LICENCE = "CDLA-Sharing-1.0 (https://cdla.dev/sharing-1-0/), recorded in NOTICE and data/README.md"

SECONDS = 1_800.0


class DownloadFailed(ChatbotError):
    """The download failed or returned a different file; nothing was written."""

    status = 503
    type = "fetch"


@command()
def main(
    dataset: Annotated[Literal["bitext"], typer.Argument(help="What to fetch.")] = "bitext",
    url: Annotated[str, typer.Option(envvar="CHATBOT_BITEXT_URL", help="Where from.")] = BITEXT_URL,
    to: Annotated[Path, typer.Option(help="Where to.")] = BITEXT_FILE,
    force: Annotated[bool, typer.Option(help="Fetch even if a valid file exists.")] = False,
) -> None:
    """Download a published corpus, verify it, and put it where DVC tracks it."""
    console = Console(stderr=True)
    console.print(f"Bitext customer support, {BITEXT_ROWS:,} messages. Licence: {LICENCE}", soft_wrap=True)
    if to.exists() and not force:
        check_bitext(to)
        console.print(f"{to} exists and is valid: nothing to fetch (--force fetches it again)")
        return
    with console.status(f"fetching {to.name}"):
        fetch_bitext(to, url)
    console.print(f"{to}: {BITEXT_ROWS:,} rows, checked. Record it with: dvc commit {to}.dvc", soft_wrap=True)


def fetch_bitext(to: Path, url: str = BITEXT_URL, timeout: float = SECONDS) -> None:
    """Download the published file, verify it, then move it to its destination (atomic write).

    Args:
        url: http or https; a proxy is taken from the environment. The digest is known of BITEXT_URL alone.
        timeout: seconds of the whole download.

    Raises:
        DownloadFailed: the URL is unreachable, the transfer is incomplete, or the file is a different one; an
            existing file is left unchanged.
    """
    if not url.startswith(("http://", "https://")):
        raise DownloadFailed(
            f"{url!r} is not an address to fetch from: it must begin with http:// or https://"
        )
    partial = to.with_name(f".{to.stem}.partial{to.suffix}")
    try:
        request = Request(url, headers={"User-Agent": "support-chatbot"})  # noqa: S310  # http(s)
        content = REAL.fetch(request, timeout)
        digest = hashlib.sha256(content).hexdigest()
        if url == BITEXT_URL and digest != BITEXT_SHA256:
            raise DownloadFailed(
                f"{url} has the SHA-256 {digest}, not {BITEXT_SHA256}: it is not the expected file"
            )
        write_file(partial, content, sync=False)
        check_bitext(partial)
        partial.replace(to)
    except OSError as error:
        raise DownloadFailed(
            f"cannot fetch {url}: {getattr(error, 'reason', error)}. Without a network, fetch it on another machine "
            f"and put it at {to}, or name a mirror with --url; the project's own corpus, data/corpus, needs neither"
        ) from error
    finally:
        partial.unlink(missing_ok=True)


def check_bitext(file: Path) -> None:
    """Verify that a file is the published corpus, in either form (with or without `flags` and `response`).

    Raises: DownloadFailed: wrong columns, bad rows, or a wrong number of rows.
    """
    try:
        corpus = load_corpus(file, Columns("instruction", "intent", "category"))
    except CorpusError as error:
        raise DownloadFailed(f"{file} is not the Bitext corpus: {error}") from error
    if len(corpus) != BITEXT_ROWS:
        raise DownloadFailed(f"{file} has {len(corpus):,} rows, the Bitext corpus has {BITEXT_ROWS:,}")


if __name__ == "__main__":
    main()
