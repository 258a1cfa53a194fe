"""Start the API server: `python -m bento`. All settings come from the environment."""

from __future__ import annotations

import gc
import os
import sys
from pathlib import Path
from typing import Any, cast

from bento import SUPERVISOR_PID
from bento.lifecycle import bundle_source, preflight
from chatbot.errors import ChatbotError, SettingError
from chatbot.process import check_port_free, die_with_parent
from chatbot.settings import ServiceSettings


def main() -> int:
    """Serve until stopped; return 1 if the start fails, with the reason in one line."""
    supervisor = os.environ.pop(SUPERVISOR_PID, "")
    if supervisor and not die_with_parent(int(supervisor)):
        return 1
    try:
        settings = ServiceSettings()
        host, port = settings.host, settings.port
        check_port_free(host, port, "CHATBOT_HOST", "CHATBOT_PORT")
        if settings.metrics_port:
            check_port_free(host, settings.metrics_port, "CHATBOT_HOST", "CHATBOT_METRICS_PORT")
        bundle_source.pin()
    except ChatbotError as error:
        return _refuse(error)
    # BENTOML_HOME contains the metrics files of one server's processes: two servers must not share it.
    home = Path(os.environ.setdefault("BENTOML_HOME", str(Path(".cache", f"bentoml-{port}").absolute())))
    try:
        home.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        return _refuse(
            OSError(
                f"BENTOML_HOME: {home} cannot be created ({error.strerror}): set it to a folder of your own"
            )
        )
    preflight.start()
    gc.disable()  # until the workers start: importing makes no garbage, and looking for it takes a tenth of its time

    # Imported late: importing BentoML takes a second or two, and reads BENTOML_HOME.
    from bentoml.exceptions import BentoMLException

    try:
        from bento.service import SupportChatbot

        cast(Any, SupportChatbot).serve_http(host=host, port=port)
    except (BentoMLException, SettingError) as error:
        return _refuse(error)
    return 0


def _refuse(reason: Exception) -> int:
    print(f"support-chatbot: {reason}", file=sys.stderr)
    return 1


if __name__ == "__main__":
    sys.exit(main())
