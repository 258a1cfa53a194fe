"""Runs the commands against `memory_api`: in this process, without waiting, killed at any request."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path

import pytest

from k8s import promote, rollback
from tests.k8s.memory_api import HOST, NAMESPACE, Call, ErrorResponse, Hook, Killed, Process, World

SETTINGS = {
    "REQUEST_SECONDS": 5,
    "PATIENCE_SECONDS": 20,
    "LEASE_SECONDS": 6,
    "WATCH_SECONDS": 1,
    "WATCH_MAX_SECONDS": 5,
    "WATCH_MESSAGES": 100,
    "WATCH_EVERY_SECONDS": 1,
    "ROLLOUT_SECONDS": 60,
    "NAMESPACE": NAMESPACE,
}
KILLED = -9


def prepare_environment(monkeypatch: pytest.MonkeyPatch, folder: Path) -> None:
    """Set the environment of a pod: account, registry, Pushgateway, store."""
    config = {
        "apiVersion": "v1",
        "kind": "Config",
        "current-context": "test",
        "clusters": [{"name": "test", "cluster": {"server": HOST}}],
        "users": [{"name": "test", "user": {"token": "secret"}}],
        "contexts": [{"name": "test", "context": {"cluster": "test", "user": "test"}}],
    }
    (folder / "kubeconfig").write_text(json.dumps(config))
    kept = ("PATH", "HOME", "USER", "LOGNAME", "PYTEST", "TESTBED", "STRICT")
    for name in list(os.environ):
        if not name.startswith(kept):  # the client library reads all of them with every request
            monkeypatch.delenv(name)
    for name, value in SETTINGS.items():
        monkeypatch.setenv(f"CHATBOT_K8S_{name}", str(value))
    monkeypatch.setenv("CHATBOT_LOOP_PUSHGATEWAY", "http://gateway")
    monkeypatch.setenv("CHATBOT_K8S_KUBECONFIG", str(folder / "kubeconfig"))
    monkeypatch.setenv("CHATBOT_K8S_RETRAIN_RESULT", str(folder / "retrain.json"))
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://mlflow")
    monkeypatch.setenv("CHATBOT_STORE_URL", str(folder / "store"))


def write_retrain_result(
    folder: Path,
    challenger: str,
    judged_against: str | None = None,
    outcome: str = "accepted",
    only_unset: bool = False,
) -> None:
    """Write retrain.json as a retraining does."""
    content = {
        "outcome": outcome,
        "champion": judged_against,
        "challenger": challenger,
        "only_unset": only_unset,
    }
    (folder / "retrain.json").write_text(json.dumps(content))


Command = Callable[[Process], int]


def run_promote(process: Process) -> int:
    return exit_code_of(lambda: promote.main([], process))


def run_rollback(*arguments: str) -> Command:
    return lambda process: exit_code_of(lambda: rollback.main(list(arguments), process))


def exit_code_of(command: Callable[[], int]) -> int:
    """Return the exit code, or KILLED."""
    try:
        return command()
    except Killed:
        return KILLED


def at_request(number: int, action: Callable[[], object]) -> Hook:
    """Return a hook that acts at the request with this number."""

    def hook(call: Call) -> None:
        if call.number == number:
            action()

    return hook


def on_first(predicate: Callable[[Call], bool], action: Callable[[], object]) -> Hook:
    """Return a hook that acts at the first matching request."""
    met: list[Call] = []

    def hook(call: Call) -> None:
        if not met and predicate(call):
            met.append(call)
            action()

    return hook


def outage(process: Process, first: int, seconds: float, how: str) -> Hook:
    """Return a hook that fails all requests for a while, from one request on.

    Args:
        process: the process whose clock counts.
        first: number of the first failing request.
        seconds: duration of the outage.
        how: `refused` (connection refused), `timeout`, or an HTTP status.
    """
    started_at: list[float] = []

    def hook(call: Call) -> None:
        clock = process.world.clock
        if call.number == first:
            started_at.append(clock.seconds)
        if not started_at or clock.seconds - started_at[0] >= seconds:
            return
        if how == "timeout":
            clock.seconds += 5.0
        if how in ("timeout", "refused"):
            raise OSError(how)
        raise ErrorResponse(int(how))

    return hook


def settle(world: World) -> None:
    """Advance the clock until the controller is idle."""
    world.clock.advance(30)
