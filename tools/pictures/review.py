"""Create docs/images/review.png: the bundle answers a morning's messages, the staff pages show the review queue.

    python -m tools.pictures.review        (make review-picture)

The messages pass through the real router and bundle into a temporary store; a real server serves the pages, and a
real browser takes the screenshot.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from urllib.error import URLError
from urllib.request import urlopen

from chatbot.dialog.message import clean
from chatbot.dialog.router import Router
from chatbot.ids import new_id
from chatbot.model.bundle import Bundle, load
from chatbot.records.log_store import write_part
from chatbot.records.schema import Feedback, Record
from chatbot.settings import SlotSettings
from chatbot.store.folder import FolderStore
from tools.pictures.staff_pages import OUT, take

PORT = 8513
_BUNDLE = Path("models/current")
_KEY = b"a key for the picture"
_START_SECONDS = 60
_MORNING = (
    "my order", "my account", "refund", "payment", "invoice", "address", "delivery", "bill",
    "can you rent me a lawn mower for the weekend", "i want to rent a lawn mower", "i want to rent a lawnmower",
    "how much is it to rent a mower for a day", "do you rent out mowers and hedge trimmers",
    "is there a deposit when i rent a lawn mower", "what does renting a lawnmower cost per day",
    "can i rent the electric mower from saturday to monday", "rent mower this weekend please",
    "what is the capital of mongolia", "play some jazz in the kitchen", "how tall was napoleon",
)  # fmt: skip


def fill(store: FolderStore, bundle: Bundle) -> None:
    """Answer the morning's messages, and record one negative feedback."""
    router = Router(bundle.rules, bundle.replies, bundle.manifest.thresholds, SlotSettings().values())
    begin = datetime.now(UTC) - timedelta(hours=2)
    records = []
    for number, message in enumerate(map(clean, _MORNING)):
        reply = router.before_model(message) or router.after_model(message, bundle.predict([message])[0])
        name = new_id(_KEY, (begin + timedelta(minutes=5 * number)).timestamp())
        records.append(Record.of(reply, message, name, model_version=bundle.version))
    first = records[0]
    said = Feedback.of(first.prediction_id, False, "get_refund", "I want my money back, not a tracking link")
    for kind, rows in ((Record, records), (Feedback, [said])):
        for day in {row.timestamp.date() for row in rows}:
            write_part(store, kind, day, "morning", [row for row in rows if row.timestamp.date() == day])


@contextmanager
def staff_pages(store: Path) -> Iterator[str]:
    """Serve the staff pages for a store on the loopback address; yields their URL."""
    settings = {
        "CHATBOT_STORE_URL": str(store),
        "CHATBOT_STAFF_PORT": str(PORT),
        "CHATBOT_BUNDLE": str(_BUNDLE),
    }
    kept = {name: value for name, value in os.environ.items() if not name.startswith("CHATBOT_")}
    url = f"http://127.0.0.1:{PORT}"
    server = subprocess.Popen(
        [sys.executable, "-m", "ui.staff"], env=kept | settings, stdout=subprocess.DEVNULL
    )
    try:
        until = time.monotonic() + _START_SECONDS
        while not _answers(url):
            if server.poll() is not None or time.monotonic() > until:
                raise SystemExit("the staff pages do not start: try `python -m ui.staff`")
            time.sleep(0.2)
        yield url
    finally:
        server.terminate()
        server.wait(20)


def main() -> int:
    """Create the picture. Returns: the exit code."""
    with tempfile.TemporaryDirectory() as folder:
        fill(FolderStore(Path(folder) / "store"), load(_BUNDLE))
        with staff_pages(Path(folder) / "store") as url:
            take(url, OUT)
    sys.stdout.write(f"{OUT}\n")
    return 0


def _answers(url: str) -> bool:
    try:
        with urlopen(f"{url}/_stcore/health", timeout=2) as answer:  # noqa: S310  # this machine's own server
            return bool(answer.status == 200)
    except (URLError, OSError):
        return False


if __name__ == "__main__":
    sys.exit(main())
