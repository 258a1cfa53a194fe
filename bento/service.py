"""Define the two BentoML services: `SupportChatbot` serves HTTP and decides, `IntentRunner` encodes and classifies.

bentoml serve bento.service:SupportChatbot      or, as `make run` does: python -m bento
"""

from __future__ import annotations

import asyncio
import logging
import os
import time
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import bentoml

from bento.http import draining
from bento.lifecycle import bundle_source, fail_fast, resources, shutdown
from bento.lifecycle.cpu_quota import usable_cores
from bento.runner.client import RunnerClient
from bento.runner.codec import Messages, Predictions, Row, from_row, to_row
from chatbot.dialog.message import WARM_UP
from chatbot.settings import (
    HandoffSettings,
    LogSettings,
    RouterSettings,
    ServiceSettings,
    SlotSettings,
    StorageSettings,
    UploadSettings,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from bento.chat.handler import Chat, Classify
    from bento.http.app import About
    from bento.http.asgi import App
    from bento.http.metrics import Metrics
    from chatbot.dialog.router import Prediction
    from monitoring.handoffs.log import HandoffLog
    from monitoring.inference_log.uploader import Uploader

settings = fail_fast.read(ServiceSettings)

RUNNER_WORKERS = settings.runner_workers or usable_cores()

# How long the model may be unavailable before the liveness probe fails and the service is restarted.
# A worker that died is replaced within 15 seconds.
_PATIENCE_SECONDS = 60.0

# How long an HTTP worker waits for the runner at start; then it accepts connections and answers them with 503.
_START_SECONDS = 30.0

# BentoML would create a span per request although no exporter is configured.
_QUIET: dict[str, Any] = {
    "logging": {"access": {"enabled": False, "skip_paths": ["/chat", "/classify"]}},
    "tracing": {"excluded_urls": ".*"},
}


@cache
def _metrics() -> Metrics:
    from bento.http.metrics import Metrics

    return Metrics()


@cache
def _leaving() -> draining.ConnectionDraining:
    return draining.ConnectionDraining(settings.drain_seconds)


@bentoml.service(
    workers=RUNNER_WORKERS,
    traffic={"timeout": settings.timeout_seconds * 2},
    # For calls through BentoML's proxy: by default it closes the connection every 100 requests, even in flight.
    runner_connection={"max_requests": 1_000_000_000, "max_age": 1e9},
    **_QUIET,
)
class IntentRunner:
    """Encodes and classifies messages, one process per core; BentoML batches concurrent calls (adaptive batching)."""

    def __init__(self) -> None:
        from chatbot.model import bundle

        if (
            bentoml.server_context.service_type == "service"
        ):  # not in the outer service's own process (--development)
            shutdown.outlive("SupportChatbot", settings.drain_seconds)
        shutdown.stop_with_parent()
        served = bundle_source.served(settings)
        self._bundle = bundle.load(served.folder)
        served.check(self._bundle.digest)
        self._bundle.predict([WARM_UP])
        self._metrics = _metrics()
        self._metrics.begin("runner")
        resources.freeze()

    @bentoml.api(
        batchable=True,
        max_batch_size=max(2, settings.max_batch),
        # Not how long a batch waits: requests older than this are dropped.
        max_latency_ms=int(settings.timeout_seconds * 1000),
        input_spec=Messages,
        output_spec=Predictions,
    )
    async def classify(self, messages: list[str]) -> list[Row]:
        """Return one row per message, in input order.

        Async although it blocks the event loop: this process has one core, so that a thread would only add a context
        switch, and while the loop is blocked the next batch accumulates in the sockets.
        """
        began = time.perf_counter()
        rows = [to_row(prediction) for prediction in self._bundle.predict(messages)]
        self._metrics.model_seconds.observe(time.perf_counter() - began)
        self._metrics.batch_size.observe(len(messages))
        return rows


class _Fronted(bentoml.Service):  # type: ignore[misc]  # bentoml is untyped
    """A service with the fast path (`bento.http.fast_path`) before BentoML, and the FastAPI app mounted at `/`."""

    def to_asgi(self, is_main: bool = True) -> App:
        """Create the ASGI app. Runs only in this service's workers, so the runner does not import FastAPI."""
        from bento.http.app import create_app, speak_one_language
        from bento.http.fast_path import FastPath, PostEndpoint
        from bento.http.limits import ConcurrencyLimit

        current = bentoml.get_current_service
        metrics = _metrics()
        limits: dict[str, Any] = {
            "limiter": ConcurrencyLimit(settings.max_concurrency, metrics.in_flight),
            "max_body_bytes": settings.max_body_bytes,
            "body_seconds": settings.timeout_seconds,
            "timeout_seconds": settings.timeout_seconds,
        }
        posts = {
            "/chat": PostEndpoint(lambda body: current().chat.reply(body), **limits),
            "/feedback": PostEndpoint(lambda body: current().chat.take_feedback(body), status=202, **limits),
        }
        self.mount_asgi_app(create_app(lambda: current().about, posts, metrics), name="api")
        app = super().to_asgi(is_main)
        speak_one_language(app)
        return FastPath(app, posts, metrics, _leaving())


@bentoml.service(
    service_class=_Fronted,
    workers=settings.workers,
    http={"port": settings.port},
    # Far above the API's own limits, which respond in the API's error format; it must be positive.
    traffic={"timeout": settings.timeout_seconds * 4},
    # BentoML's own metrics would have a label with the requested path: unbounded cardinality.
    metrics={"enabled": False},
    runner_probe={"enabled": False},
    **_QUIET,
)
class SupportChatbot:
    """Predicts a message's intent with a calibrated confidence, and answers, asks for clarification or hands over."""

    runner = bentoml.depends(IntentRunner)

    chat: Chat
    about: About

    @bentoml.on_deployment
    def check() -> None:  # BentoML makes it static
        """Run the preflight check, once, in the process that starts the workers, before it starts them."""
        # A Bento's workers have the Bento's folder as working directory: resolve relative paths here.
        os.environ["CHATBOT_LOG_FOLDER"] = str(fail_fast.read(LogSettings).folder.resolve())
        if settings.bundle is not None:
            os.environ["CHATBOT_BUNDLE"] = str(settings.bundle.resolve())
        store = fail_fast.read(StorageSettings).url
        if store != "none" and "://" not in store:
            os.environ["CHATBOT_STORE_URL"] = str(Path(store).resolve())
        fail_fast.pin()
        # In its containers BentoML does not replace a worker that died: the server would continue with fewer.
        os.environ.pop("BENTOML_CONTAINERIZED", None)
        resources.find_room()
        fail_fast.prove()

    def __init__(self) -> None:
        from bento.chat.conversations import Conversations
        from bento.chat.handler import Chat
        from bento.http.app import About
        from bento.lifecycle.served_model import Model
        from chatbot import ids
        from monitoring.inference_log.log import InferenceLog

        shutdown.stop_with_parent()
        resources.allow_many_connections()
        # Otherwise uvicorn formats every request although the access log is off.
        logging.getLogger("uvicorn.access").propagate = False

        slots = fail_fast.read(SlotSettings)
        router = fail_fast.read(RouterSettings)
        log = fail_fast.read(LogSettings)
        served = bundle_source.served(settings)
        model = Model.read(served.folder, served.version)
        served.check(model.digest)
        metrics = _metrics()
        metrics.begin("http")
        metrics.max_in_flight.set(settings.max_concurrency)
        metrics.model_info.labels(model.version, model.digest, model.manifest.corpus_digest).set(1)
        self.about = About(model.describe(router), model.list_intents(slots))
        self._log = InferenceLog(log, metrics.count_records, self._shipper(log, metrics))
        self._handoffs = self._handoff_log(log, metrics)
        self._classify, self._close = self._connect_runner()
        self.chat = Chat(
            model.router(router, slots),
            self._classify,
            self._log,
            metrics,
            intents=model.intents,
            key=ids.load_or_make_key(settings, log),
            model_version=model.version,
            bundle_digest=model.digest,
            concurrency=RUNNER_WORKERS if settings.gather else settings.max_concurrency,
            max_batch=settings.max_batch if settings.gather else 1,
            max_chars=settings.max_message_chars,
            handoffs=self._handoffs,
            conversations=Conversations(fail_fast.read(HandoffSettings)),
        )
        self._started = time.monotonic()

    def _shipper(self, log: LogSettings, metrics: Metrics) -> Uploader | None:
        """Return the uploader of the inference log; None: there is no store."""
        from monitoring.inference_log.uploader import Uploader

        store = fail_fast.read(StorageSettings)
        if store.url == "none":
            return None
        return Uploader(
            log, fail_fast.read(UploadSettings), store, metrics.count_shipped, metrics.show_shipping
        )

    def _handoff_log(self, log: LogSettings, metrics: Metrics) -> HandoffLog:
        """Return the handoff log, which delivers to the webhook and the store."""
        from chatbot.store import has_store, open_store
        from monitoring.handoffs.log import HandoffLog, targets_of

        told, storage = fail_fast.read(HandoffSettings), fail_fast.read(StorageSettings)
        targets = targets_of(told, open_store(storage) if has_store(storage) else None)
        return HandoffLog(log.folder, told, targets, metrics.count_handoffs, metrics.show_handoffs)

    def _connect_runner(self) -> tuple[Classify, Callable[[], None]]:
        """Return the function that classifies, over the runner's socket or in this process, and one that closes it."""
        url = cast(Any, IntentRunner).url
        if url is None:  # bentoml serve --development

            async def classify_here(messages: Sequence[str]) -> list[Prediction]:
                return [from_row(row) for row in await self.runner.classify(list(messages))]

            return classify_here, lambda: None
        client = RunnerClient(
            url, settings.timeout_seconds, 1 if settings.gather else settings.max_concurrency
        )
        return client.classify, client.close

    @bentoml.on_startup
    async def open(self) -> None:
        """Start the logs and wait for the runner, before the first connection is accepted; then report readiness."""
        self._log.start()
        self._handoffs.start()
        until = time.monotonic() + _START_SECONDS
        while not await self.chat.is_ready() and time.monotonic() < until and not draining.is_told():
            await asyncio.sleep(0.05)
        draining.end_if_told()
        resources.freeze()
        _leaving().install()
        draining.say_ready()

    @bentoml.on_shutdown
    async def close(self) -> None:
        """Close runner connections and logs, after the last response."""
        self._close()
        self._log.close()
        self._handoffs.close()

    async def __is_ready__(self) -> bool:
        return not _leaving().begun and await self.chat.is_ready()

    async def __is_alive__(self) -> bool:
        return await self.chat.is_ready() or self.chat.silent_seconds < _PATIENCE_SECONDS
