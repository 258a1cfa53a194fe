"""Create docs/images/review.png: the bundle answers a morning's messages, the staff pages show the review queue.

    python -m tools.pictures.review        (make review-picture)

The messages pass through the real router and bundle into a temporary store; a real server serves the pages, and a
real browser takes the screenshot.
"""

from __future__ import annotations

import sys
import tempfile
from datetime import UTC, datetime, timedelta
from pathlib import Path

from chatbot.dialog.message import clean
from chatbot.ids import new_id
from chatbot.model.bundle import Bundle, load
from chatbot.records.log_store import write_part
from chatbot.records.schema import Feedback, Record
from chatbot.settings import RouterSettings, SlotSettings
from chatbot.store.folder import FolderStore
from tools.pictures.chat_page import report
from tools.pictures.staff_pages import OUT, take
from tools.processes import Processes, StepError

PORT = 8513
_BUNDLE = Path("models/current")
_KEY = b"a key for the picture"
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
    router = bundle.router(RouterSettings(), SlotSettings())
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


def main() -> int:
    """Create the picture. Returns: the exit code."""
    with tempfile.TemporaryDirectory() as folder:
        store, url = Path(folder) / "store", f"http://127.0.0.1:{PORT}"
        fill(FolderStore(store), load(_BUNDLE))
        settings = {"STORE_URL": str(store), "STAFF_PORT": str(PORT), "BUNDLE": str(_BUNDLE)}
        try:
            with Processes(
                Path(folder), {f"CHATBOT_{name}": value for name, value in settings.items()}
            ) as pages:
                pages.start("staff-pages", [sys.executable, "-m", "ui.staff"], f"{url}/_stcore/health")
                pages.wait("staff-pages")
                return report(lambda: take(url, OUT), OUT)
        except StepError as error:
            sys.stderr.write(f"{error}\n")
            return 1


if __name__ == "__main__":
    sys.exit(main())
