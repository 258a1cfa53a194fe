"""Disable the telemetry of every library: set when `chatbot` is imported, which every program does first.

Processes that a program starts inherit the variables. An image also sets those of a library whose own command runs
in it.
"""

from __future__ import annotations

import os

OFF = {
    "BENTOML_DO_NOT_TRACK": "True",
    "DO_NOT_TRACK": "1",  # Evidently, and others by convention
    "DVC_NO_ANALYTICS": "1",
    "HF_HUB_DISABLE_TELEMETRY": "1",  # huggingface_hub, transformers
    "ITERATIVE_DO_NOT_TRACK": "1",  # iterative-telemetry: DVC, Evidently
    "MLFLOW_DISABLE_TELEMETRY": "true",
    "ORT_DISABLE_TELEMETRY": "1",  # ONNX Runtime
    "STREAMLIT_BROWSER_GATHER_USAGE_STATS": "false",
}
"""Variable and value that turn a library's telemetry off."""


def turn_off() -> None:
    """Set the variables for this process and those that it starts; a value from outside stays."""
    for name, value in OFF.items():
        os.environ.setdefault(name, value)
