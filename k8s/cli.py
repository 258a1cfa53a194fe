"""Share what the commands need: settings, one-line errors, release of resources on Ctrl-C and SIGTERM."""

from __future__ import annotations

import sys
from collections.abc import Callable
from functools import wraps
from typing import ParamSpec

from chatbot.errors import ChatbotError
from chatbot.interrupt import exit_on_interrupt
from chatbot.loop.pushgateway import PushgatewayClient
from chatbot.loop.registry import RegistryClient, RegistryUnavailable
from chatbot.runtime import Runtime
from chatbot.settings import KubernetesSettings, LoopSettings, TrackingSettings

P = ParamSpec("P")


def registry(settings: KubernetesSettings, runtime: Runtime) -> RegistryClient:
    """Return a client of the registry at MLFLOW_TRACKING_URI."""
    return RegistryClient(
        TrackingSettings(),
        seconds=settings.request_seconds,
        retry_seconds=settings.patience_seconds,
        runtime=runtime,
    )


def pushgateway(job: str, settings: KubernetesSettings, runtime: Runtime) -> PushgatewayClient:
    """Return a Pushgateway client with this label `job`."""
    gateway = LoopSettings().pushgateway
    return PushgatewayClient(gateway, job, settings.request_seconds, runtime)


def reports_errors(command: Callable[P, int]) -> Callable[P, int]:
    """Wrap a command: an expected error is one line on standard error and exit code 1."""

    @wraps(command)
    def run(*given: P.args, **named: P.kwargs) -> int:
        exit_on_interrupt()
        try:
            return command(*given, **named)
        except ChatbotError as error:
            unavailable = isinstance(error, RegistryUnavailable)
            advice = ". The serving model is unchanged; run this again when MLflow is available"
            sys.stderr.write(f"{error}{advice if unavailable else ''}\n")
            return 1

    return run
