"""Define the two BentoML services: `SupportChatbot` serves HTTP and decides, `IntentRunner` encodes and classifies.

bentoml serve bento.service:SupportChatbot      or, as `make run` does: python -m bento
"""

from __future__ import annotations

import asyncio
import logging
import os
import time
from functools import cache, partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import bentoml

from bento import SUPERVISOR_KEY, library_internals
from bento.chat.conversations import Conversations
from bento.chat.handler import Chat, Classify
from bento.http import draining, metrics_port
from bento.http.access import Access
from bento.http.api_keys import ApiKeys
from bento.http.app import About, create_app, post_routes, use_common_error_format
from bento.http.asgi import App
from bento.http.coalescing import CoalescingProtocol
from bento.http.direct import DirectProtocol
from bento.http.fast_path import FastPath
from bento.http.limits import ConcurrencyLimit, RequestLimits
from bento.http.metrics import Metrics
from bento.http.protocol import ConnectionLimits
from bento.http.rate_limit import RateLimit
from bento.lifecycle import bundle_source, fail_fast, resources, served_model, shutdown, workers
from bento.lifecycle.cpu_quota import usable_cores
from bento.runner.client import RunnerClient
from bento.runner.codec import Messages, Predictions
from bento.runner.endpoint import RunnerEndpoint
from chatbot import ids
from chatbot.dialog.router import Prediction
from chatbot.model import bundle
from chatbot.records import contact
from chatbot.settings import (
    HandoffSettings,
    LogSettings,
    RouterSettings,
    ServiceSettings,
    SlotSettings,
    StorageSettings,
    UploadSettings,
)
from chatbot.store import has_store, open_store
from monitoring.handoffs.log import NOBODY, HandoffLog, targets_of
from monitoring.inference_log.log import InferenceLog
from monitoring.inference_log.uploader import Uploader

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

settings = fail_fast.read(ServiceSettings)

RUNNER_WORKERS = settings.runner_workers or usable_cores()

# How long the model may be unavailable before the liveness probe fails and the service is restarted.
# A worker that died is replaced within seconds.
_MAX_UNAVAILABLE_SECONDS = 60.0

# How long an HTTP worker waits for the runner at start; then it accepts connections and answers them with 503.
_START_SECONDS = 30.0

_GROWTH = 4
"""Growth of a message by normalization and redaction that is allowed for."""

# BentoML would create a span per request although no exporter is configured.
_QUIET: dict[str, Any] = {
    "logging": {"access": {"enabled": False, "skip_paths": ["/chat", "/classify"]}},
    "tracing": {"excluded_urls": ".*"},
}


@cache
def _metrics() -> Metrics:
    return Metrics()


@cache
def _draining() -> draining.ConnectionDraining:
    return draining.ConnectionDraining(settings.drain_seconds)


class _RunnerService(bentoml.Service):  # type: ignore[misc]  # bentoml is untyped
    """A service whose calls pass by BentoML's middlewares and routes, but not by its adaptive batching."""

    def to_asgi(self, is_main: bool = True) -> App:
        """Create the ASGI app."""
        library_internals.use_http_protocol(CoalescingProtocol)
        app, classify = library_internals.batching_app(self, "classify", is_main)
        # The worst batch: each of its messages fills a request, and redaction has made it longer.
        worst = settings.max_batch * settings.max_body_bytes * _GROWTH
        return RunnerEndpoint(app, classify, worst, settings.timeout_seconds)


@bentoml.service(
    service_class=_RunnerService,
    workers=RUNNER_WORKERS,
    traffic={"timeout": settings.timeout_seconds * 2},
    # For calls through BentoML's proxy: by default it closes the connection every 100 requests, even in flight.
    runner_connection={"max_requests": 1_000_000_000, "max_age": 1e9},
    **_QUIET,
)
class IntentRunner:
    """Encodes and classifies messages, one process per core; BentoML batches concurrent calls (adaptive batching)."""

    def __init__(self) -> None:
        if (
            bentoml.server_context.service_type == "service"
        ):  # not in the outer service's own process (--development)
            shutdown.outlive("SupportChatbot", settings.drain_seconds)
        source = bundle_source.resolve(fail_fast.read(ServiceSettings))  # `check` has pinned the model
        self._bundle = bundle.load(source.folder)
        source.check(self._bundle.digest)
        self._metrics = _metrics()
        self._metrics.count_process("runner")
        resources.freeze_garbage_collector()

    @bentoml.api(
        batchable=True,
        max_batch_size=max(2, settings.max_batch),
        # Not how long a batch waits: requests older than this are dropped.
        max_latency_ms=int(settings.timeout_seconds * 1000),
        input_spec=Messages,
        output_spec=Predictions,
    )
    async def classify(self, messages: list[str]) -> list[Prediction]:
        """Return one prediction per message, in input order.

        Async although it blocks the event loop: this process has one core, so that a thread would only add a context
        switch, and while the loop is blocked the next batch accumulates in the sockets.
        """
        start = time.perf_counter()
        predictions = self._bundle.predict(messages)
        self._metrics.model_seconds.observe(time.perf_counter() - start)
        self._metrics.batch_size.observe(len(messages))
        return predictions


class _FastPathService(bentoml.Service):  # type: ignore[misc]  # bentoml is untyped
    """A service whose requests go to the fast path and the FastAPI app; BentoML answers the probes alone."""

    def to_asgi(self, is_main: bool = True) -> App:
        """Create the ASGI app."""
        current = bentoml.get_current_service
        metrics = _metrics()
        limits = RequestLimits(
            ConcurrencyLimit(
                settings.max_concurrency,
                metrics.in_flight,
                minimum=settings.min_concurrency,
                target_seconds=settings.target_latency_seconds,
                on_change=metrics.max_in_flight.set,
            ),
            max_body_bytes=settings.max_body_bytes,
            body_seconds=settings.body_seconds,
            timeout_seconds=settings.timeout_seconds,
        )
        routes = post_routes(lambda: current().chat, limits)
        key = os.environ.get(SUPERVISOR_KEY, "")
        keys_file = fail_fast.read(ServiceSettings).api_keys_file  # absolute: `check` has resolved it
        keys = ApiKeys(keys_file, supervisor_key=key) if keys_file else None
        if keys is not None:
            metrics.watch_api_keys(keys.is_file_valid)
        api = create_app(
            lambda: current().about,
            routes,
            None if settings.metrics_port else metrics,
            needs_key=keys is not None,
        )
        app = super().to_asgi(is_main)
        use_common_error_format(app)
        fast_path = FastPath(
            api,
            # A route with a parameter in its path goes through FastAPI's router.
            {route.path: route.post for route in routes if not route.param_convertors},
            metrics,
            bentoml=app,
            access=Access(settings, keys, metrics.count_rate_limited),
            cors_origins=settings.cors_origins,
        )
        library_internals.use_http_protocol(DirectProtocol)
        DirectProtocol.limits = ConnectionLimits(
            max_connections=resources.max_connections(settings.max_connections),
            max_per_address=settings.max_connections_per_address,
            trusted_proxies=library_internals.trust_proxies(settings.trusted_proxies),
            head_seconds=settings.head_seconds,
            max_age_seconds=settings.max_connection_age_seconds,
            is_draining=lambda: _draining().is_active,
            on_refused=fast_path.count_refused,
        )
        DirectProtocol.route = fast_path.direct("/chat")
        return fast_path


@bentoml.service(
    service_class=_FastPathService,
    workers=settings.workers,
    http={"host": settings.host, "port": settings.port},
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
        if settings.api_keys_file is not None:
            os.environ["CHATBOT_API_KEYS_FILE"] = str(settings.api_keys_file.resolve())
        store = fail_fast.read(StorageSettings).url
        if store != "none" and "://" not in store:
            os.environ["CHATBOT_STORE_URL"] = str(Path(store).resolve())
        # In its containers BentoML does not replace a worker that died: the server would continue with fewer.
        os.environ.pop("BENTOML_CONTAINERIZED", None)
        resources.ensure_temporary_folder()
        workers.install()  # before it waits for the preflight check, which runs on another core
        fail_fast.check_bundle()

    def __init__(self) -> None:
        resources.raise_open_file_limit()
        # Otherwise uvicorn formats every request although the access log is off.
        logging.getLogger("uvicorn.access").propagate = False

        slots = fail_fast.read(SlotSettings)
        router = fail_fast.read(RouterSettings)
        log = fail_fast.read(LogSettings)
        source = bundle_source.resolve(fail_fast.read(ServiceSettings))  # `check` has pinned the model
        model = bundle.load_metadata(source.folder)
        source.check(model.digest)
        version = source.version or model.version
        metrics = _metrics()
        metrics.count_process("http")
        metrics.max_in_flight.set(settings.max_concurrency)
        metrics.model_info.labels(version, model.digest, model.manifest.corpus_digest).set(1)
        self.about = About(
            served_model.describe(model, version, router), served_model.list_intents(model, slots)
        )
        self._log = InferenceLog(
            log,
            lambda outcome, count: metrics.log_records.labels(outcome).inc(count),
            self._uploader(log, metrics),
        )
        self._handoffs = self._handoff_log(log, metrics)
        self._classify, self._close = self._connect_runner()
        rate_limit = partial(
            RateLimit,
            burst_seconds=settings.rate_limit_burst_seconds,
            on_refused=metrics.count_rate_limited,
        )
        self.chat = Chat(
            model.router(router, slots),
            self._classify,
            self._log,
            metrics,
            intents=served_model.reply_intents(model),
            key=ids.load_or_make_key(settings, log),
            model_version=version,
            bundle_digest=model.digest,
            concurrency=RUNNER_WORKERS if settings.gather else settings.max_concurrency,
            max_batch=settings.max_batch if settings.gather else 1,
            max_chars=settings.max_message_chars,
            handoffs=self._handoffs,
            conversations=Conversations(fail_fast.read(HandoffSettings)),
            limit_session=rate_limit("session", settings.rate_limit_session).take,
            limit_prediction=rate_limit("prediction", settings.rate_limit_prediction).take,
            save_contact=self._contacts(),
            cache_entries=settings.cache_entries,
        )
        self._started = time.monotonic()

    def _uploader(self, log: LogSettings, metrics: Metrics) -> Uploader | None:
        """Return the uploader of the inference log; None: no store is configured."""
        store = fail_fast.read(StorageSettings)
        if store.url == "none":
            return None
        return Uploader(
            log,
            fail_fast.read(UploadSettings),
            store,
            lambda kind, outcome, count: metrics.log_store_records.labels(kind, outcome).inc(count),
            metrics.show_shipping,
        )

    def _handoff_log(self, log: LogSettings, metrics: Metrics) -> HandoffLog:
        """Return the handoff log, which delivers to the webhook and the store."""
        handoff, storage = fail_fast.read(HandoffSettings), fail_fast.read(StorageSettings)
        targets = targets_of(handoff, open_store(storage) if has_store(storage) else None)
        metrics.expect_handoffs(targets or {NOBODY})
        return HandoffLog(
            log.folder,
            handoff,
            targets,
            lambda to, outcome, count: metrics.handoff_deliveries.labels(to, outcome).inc(count),
            metrics.show_handoffs,
        )

    def _contacts(self) -> Callable[[str, bytes], None] | None:
        """Return the function that stores contact data, by prediction id; None: no store is configured."""
        storage = fail_fast.read(StorageSettings)
        if not has_store(storage):
            return None
        store = open_store(storage)

        def save(prediction_id: str, body: bytes) -> None:
            store.put(contact.key_of(prediction_id), body)

        return save

    def _connect_runner(self) -> tuple[Classify, Callable[[], None]]:
        """Return the function that classifies, over the runner's socket or in this process, and one that closes it."""
        url = cast(Any, IntentRunner).url
        if url is None:  # bentoml serve --development

            async def classify_here(messages: Sequence[str]) -> list[Prediction]:
                return list(await self.runner.classify(list(messages)))

            return classify_here, lambda: None
        client = RunnerClient(
            url, settings.timeout_seconds, 1 if settings.gather else settings.max_concurrency
        )
        return client.classify, client.close

    @bentoml.on_startup
    async def open(self) -> None:
        """Start the logs and wait for the runner, before the first connection is accepted."""
        if settings.metrics_port:
            self._metrics_port = await metrics_port.listen(settings.host, settings.metrics_port, _metrics())
        self._log.start()
        self._handoffs.start()
        until = time.monotonic() + _START_SECONDS
        while time.monotonic() < until and not draining.is_stop_requested():
            if await self.chat.is_ready():
                break
            await asyncio.sleep(0.05)
        resources.freeze_garbage_collector()
        _draining().install()

    @bentoml.on_shutdown
    async def close(self) -> None:
        """Close runner connections and logs, after the last response."""
        self._close()
        self._handoffs.close()
        self._log.close()  # last: it may take the rest of the grace period, and it releases the folder

    async def __is_ready__(self) -> bool:
        return not _draining().is_active and await self.chat.is_ready()

    async def __is_alive__(self) -> bool:
        return await self.chat.is_ready() or self.chat.silent_seconds < _MAX_UNAVAILABLE_SECONDS
