"""Replace this process by Streamlit."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import NoReturn

from chatbot.hosts import with_mapped


def run_streamlit(script: Path, options: Mapping[str, object]) -> NoReturn:
    """Replace this process with `streamlit run`, so that a signal to it reaches the server."""
    # No proxy is trusted unless the operator names it: uvicorn would believe any process of this machine.
    os.environ["FORWARDED_ALLOW_IPS"] = with_mapped(os.environ.get("FORWARDED_ALLOW_IPS", ""))
    flags = [f"--{name}={value}" for name, value in options.items()]
    command = [sys.executable, "-m", "ui.shared.limited_streamlit", "run", str(script.resolve()), *flags]
    os.execv(sys.executable, command)  # noqa: S606 - no shell, and nothing of it comes from outside
