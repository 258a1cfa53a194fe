"""Define the Prometheus metrics of the API, aggregated over all worker processes.

Every process writes its values to its own files in `PROMETHEUS_MULTIPROC_DIR`, which BentoML sets for the workers
of one server; `/metrics` of any worker aggregates all of them, the runner's included. No label value comes from a
user's text: routes are the API's own, intents are the bundle's, so the cardinality is bounded.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from prometheus_client.metrics_core import Metric
from prometheus_client.multiprocess import MultiProcessCollector, mark_process_dead

PREFIX = "chatbot_"
CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"

_SECONDS = (0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0)
_SHARES = (0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 0.95, 0.99)
_SCOPES = (-8, -4, -2, -1, -0.5, 0, 0.2, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1, 2, 4, 6, 8, 12, 16)
_SIZES = (1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 64.0, 128.0, 256.0, 512.0, 1024.0)


@dataclass(frozen=True, slots=True)
class Spec:
    """Documentation of a metric."""

    name: str
    kind: str
    description: str
    labels: tuple[str, ...]


class Metrics:
    """All metrics of one process; without `PROMETHEUS_MULTIPROC_DIR` (in tests), of this process alone."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self._are_keys_valid: Callable[[], bool] = lambda: True
        self.specs: list[Spec] = []
        # A thread of its own: those of asyncio may all wait for an object store that hangs.
        self._renderer = ThreadPoolExecutor(1, "metrics")
        self._running: asyncio.Future[bytes] | None = None
        self._next: asyncio.Future[bytes] | None = None
        self.requests = self._counter(
            "requests",
            "Requests answered, by route and status (499: the client disconnected before its answer).",
            "route",
            "status",
        )
        self.request_seconds = self._histogram(
            "request_duration_seconds",
            "Duration of a request, from its headers to the end of its answer.",
            _SECONDS,
            "route",
        )
        self.api_keys_invalid = self._gauge(
            "api_keys_file_invalid",
            "1: the file of API keys is missing or invalid, and the keys that were read before stay in force; else 0.",
            "mostrecent",
        )
        self.rate_limited = self._counter(
            "rate_limited",
            "Requests refused by a rate limit (429), by limit: key, address, session, feedback or prediction.",
            "limit",
        )
        self.in_flight = self._gauge("in_flight", "Messages and feedback in progress.", "livesum")
        self.max_in_flight = self._gauge(
            "max_in_flight",
            "Concurrency limit of each worker: maximum number of messages in progress; beyond it requests get 429.",
            "livesum",
        )
        self.predictions = self._counter(
            "predictions",
            "Replies, by intent and by who decided: rule, model, clarify or human.",
            "intent",
            "source",
        )
        self.handoffs = self._counter(
            "handoffs", "Replies that hand over to a person, by who decided: rule or human.", "source"
        )
        self.confidence = self._histogram(
            "confidence", "Confidence of the likeliest intent, of each message the model saw.", _SHARES
        )
        self.scope = self._histogram(
            "scope", "Scope score of each message the model saw; higher is in scope.", _SCOPES
        )
        self.batch_size = self._histogram("batch_size", "Number of messages in one run of the model.", _SIZES)
        self.model_seconds = self._histogram(
            "model_duration_seconds", "Duration of one run of the model, for a batch of any size.", _SECONDS
        )
        self.queue_wait = self._histogram(
            "queue_wait_seconds", "How long a message waited until a call to the runner took it.", _SECONDS
        )
        self.runner_seconds = self._histogram(
            "runner_duration_seconds", "Duration of one call to the runner, with its transport.", _SECONDS
        )
        self.cache = self._counter(
            "prediction_cache_lookups",
            "Messages looked up among the cached predictions of exact repeats, by outcome: hit or miss.",
            "outcome",
        )
        self.runner_errors = self._counter("runner_errors", "Calls to the runner that failed.")
        self.feedback = self._counter(
            "feedback",
            "Predictions with feedback, by whether the first feedback says helpful: yes or no.",
            "helpful",
        )
        self.log_records = self._counter(
            "log_records",
            "Records of the inference log, by outcome: written, spooled, dropped.",
            "outcome",
        )
        self.log_store_records = self._counter(
            "log_store_records",
            "Records and feedback for the object store, by outcome: sent, spooled (the store "
            "did not take them when they were due), dropped (too many waited).",
            "kind",
            "outcome",
        )
        self.log_store_waiting = self._gauge(
            "log_store_waiting_records",
            "Records and feedback that wait on this machine to be uploaded to the object store.",
            "mostrecent",
        )
        self.log_store_success = self._gauge(
            "log_store_last_success_timestamp_seconds",
            "Time of the last successful upload of records or feedback, in seconds since 1970; 0: none yet.",
            "max",
        )
        self.handoff_deliveries = self._counter(
            "handoff_deliveries",
            "Handoffs for the webhook or the store, by outcome: delivered, failed (an attempt, "
            "which is retried), dropped (too old, or too many waited).",
            "target",
            "outcome",
        )
        self.handoffs_undelivered = self._gauge(
            "handoffs_undelivered",
            "Handoffs that wait on this machine for the webhook or the store, on disk or, while it is full, in memory.",
            "livesum",
            "target",
        )
        self.handoffs_oldest = self._gauge(
            "handoffs_oldest_age_seconds",
            "How long the oldest undelivered handoff has waited on this machine for the webhook or the store; 0: none.",
            "livemax",
            "target",
        )
        self.processes = self._gauge(
            "processes", "Running processes, by role: http or runner.", "livesum", "role"
        )
        self.process_starts = self._counter(
            "process_starts", "Processes started, by role; minus chatbot_processes: those that died.", "role"
        )
        self.model_info = self._gauge(
            "model_info", "Always 1; the labels say which model serves.", "max", "version", "bundle", "corpus"
        )
        self._create_series()

    def _create_series(self) -> None:
        """Create the series that alerts read: `increase` misses the first count of one that begins with it."""
        for status in ("429", "500", "503"):
            self.requests.labels("/chat", status)
        for source in ("rule", "human"):
            self.handoffs.labels(source)
        for helpful in ("yes", "no"):
            self.feedback.labels(helpful)
        for outcome in ("written", "spooled", "dropped"):
            self.log_records.labels(outcome)
        for kind in ("inference_log", "feedback"):
            for outcome in ("sent", "spooled", "dropped"):
                self.log_store_records.labels(kind, outcome)

    def expect_handoffs(self, targets: Iterable[str]) -> None:
        """Create the series of the targets of handoffs."""
        for target in targets:
            for outcome in ("delivered", "failed", "dropped"):
                self.handoff_deliveries.labels(target, outcome)

    def watch_api_keys(self, are_valid: Callable[[], bool]) -> None:
        """Report whether the file of API keys is valid, as of each scrape: no request needs to come before."""
        self._are_keys_valid = are_valid

    def count_process(self, role: str) -> None:
        """Count this process as started and running."""
        self.processes.labels(role).set(1)
        self.process_starts.labels(role).inc()

    def count_rate_limited(self, limit: str) -> None:
        """Count a request refused by a rate limit."""
        self.rate_limited.labels(limit).inc()

    def show_shipping(self, waiting: int, sent_at: float) -> None:
        """Set the number of rows in the upload queue, and the time of the last successful upload (Unix seconds)."""
        self.log_store_waiting.set(waiting)
        self.log_store_success.set(sent_at)

    def show_handoffs(self, target: str, waiting: int, oldest: float) -> None:
        """Set the number of a target's undelivered handoffs, and the age of the oldest in seconds."""
        self.handoffs_undelivered.labels(target).set(waiting)
        self.handoffs_oldest.labels(target).set(oldest)

    async def page(self) -> bytes:
        """Return the metrics as `render` does, in a thread; requests that wait meanwhile share the next run of it."""
        if self._next is None:
            self._next = asyncio.ensure_future(self._render_after(self._running))
        return await asyncio.shield(self._next)

    async def _render_after(self, running: asyncio.Future[bytes] | None) -> bytes:
        if running is not None and not running.done():
            await asyncio.wait([running])
        self._running, self._next = self._next, None
        return await asyncio.get_running_loop().run_in_executor(self._renderer, self.render)

    def render(self) -> bytes:
        """Return the metrics of all processes of this server in Prometheus text format.

        Reads files, so do not call it on the event loop.
        """
        self.api_keys_invalid.set(not self._are_keys_valid())
        folder = os.environ.get("PROMETHEUS_MULTIPROC_DIR")
        if not folder:
            return generate_latest(self.registry)
        _remove_dead_processes(Path(folder))
        registry = CollectorRegistry()
        _BegunFiles(registry)
        return generate_latest(registry)

    def _counter(self, name: str, description: str, *labels: str) -> Counter:
        self._note(f"{name}_total", "counter", description, labels)
        return Counter(PREFIX + name, description, labels, registry=self.registry)

    def _histogram(self, name: str, description: str, buckets: tuple[float, ...], *labels: str) -> Histogram:
        self._note(name, "histogram", description, labels)
        return Histogram(PREFIX + name, description, labels, buckets=buckets, registry=self.registry)

    def _gauge(self, name: str, description: str, over_processes: str, *labels: str) -> Gauge:
        self._note(name, "gauge", description, labels)
        return Gauge(
            PREFIX + name,
            description,
            labels,
            registry=self.registry,
            multiprocess_mode=over_processes,  # type: ignore[arg-type]  # one of the library's literals
        )

    def _note(self, name: str, kind: str, description: str, labels: tuple[str, ...]) -> None:
        self.specs.append(Spec(PREFIX + name, kind, description, labels))


class _BegunFiles(MultiProcessCollector):
    """Aggregates the files of all processes, except those that a starting process has created but not yet sized.

    prometheus_client cannot read an empty file: `/metrics` would fail.
    """

    def collect(self) -> Iterable[Metric]:
        """Return the metrics of all processes."""
        files = []
        for file in Path(self._path).glob("*.db"):
            with suppress(FileNotFoundError):  # of a process that has died
                if file.stat().st_size:
                    files.append(str(file))
        merged: Iterable[Metric] = self.merge(files, accumulate=True)
        return merged


def _remove_dead_processes(folder: Path) -> None:
    """Remove the live gauges of dead workers (such as their share of `in_flight`); their counters stay."""
    for file in folder.glob("gauge_live*_*.db"):
        pid = int(file.stem.rpartition("_")[2])
        if not Path(f"/proc/{pid}").exists():
            with suppress(FileNotFoundError):  # another worker has removed it
                mark_process_dead(pid)
