"""Serve what is not Streamlit on the staff pages: login, drift report, and the session check in front of everything.

CSRF: the session cookie is SameSite=Strict, so a request or websocket that another site opens has no session. Without a
login, only addresses and names of this machine are accepted in the Host header, against DNS rebinding.
"""

from __future__ import annotations

import logging
import math
import re
import secrets
import time
from collections import OrderedDict, deque
from collections.abc import Callable
from urllib.parse import parse_qs, quote

from starlette.concurrency import run_in_threadpool
from starlette.middleware import Middleware
from starlette.requests import HTTPConnection, Request
from starlette.responses import HTMLResponse, PlainTextResponse, RedirectResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from chatbot.errors import ChatbotError
from chatbot.hosts import host_check, network_of
from chatbot.settings import StaffSettings, StorageSettings
from chatbot.store import layout, open_store
from ui.shared import assets
from ui.shared.server import HostGuard
from ui.staff_pages import login, sessions
from ui.staff_pages.markup import html
from ui.staff_pages.sessions import COOKIE, DEVICE_COOKIE, ForgedCookie, StaffSession

log = logging.getLogger(__name__)

MAX_ATTEMPTS, ATTEMPT_SECONDS = 10, 60.0
"""Wrong tokens and forged cookies per address within so many seconds; further ones are refused without a check."""
REPORT_POLICY = (
    "sandbox allow-scripts; default-src 'none'; script-src 'unsafe-inline' 'unsafe-eval' data: blob:; "
    "style-src 'unsafe-inline'; img-src data: blob:; font-src data:; worker-src blob:; frame-src 'self' data: blob:"
)
"""A report's scripts run in an opaque origin: they can access neither these pages nor any other address."""

_MAX_ADDRESSES = 10_000
_DEVICE_SECONDS = 90 * 86_400
_MAX_FORM_BYTES = 4_096
_OPEN = ("/login", "/_stcore/health")
_PAGE = re.compile(r"/[a-z]*")
_REPORT = re.compile(re.escape(layout.DRIFT_REPORTS) + r"[\w.:/-]+\.html")
_report_token = secrets.token_urlsafe(32)


class Throttle:
    """Counts failed attempts per address in a sliding window."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._failed: OrderedDict[str, deque[float]] = OrderedDict()

    def wait(self, address: str) -> float:
        """Return the seconds until this address may try again; 0: now."""
        failed = self._failed.get(network_of(address))
        if failed is None or len(failed) < MAX_ATTEMPTS:
            return 0.0
        return max(0.0, failed[0] + ATTEMPT_SECONDS - self._clock())

    def fail(self, address: str) -> None:
        """Count a failed attempt."""
        network = network_of(address)
        self._failed.setdefault(network, deque(maxlen=MAX_ATTEMPTS)).append(self._clock())
        self._failed.move_to_end(network)
        while len(self._failed) > _MAX_ADDRESSES:
            self._failed.popitem(last=False)


class SessionGuard:
    """Refuses requests without a session before they reach Streamlit's pages, websocket and files."""

    def __init__(self, app: ASGIApp, throttle: Throttle) -> None:
        self._app = app
        self._throttle = throttle

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass on a request with a session; send others to the login."""
        if scope["type"] not in ("http", "websocket") or scope["path"] in _OPEN:
            await self._app(scope, receive, send)
            return
        connection = HTTPConnection(scope)
        try:
            session = await _find(connection, self._throttle)
        except ChatbotError as error:
            log.error("login does not work: %s", error)
            refusal: Response = PlainTextResponse(f"This does not work now: {error}\n", 503)
        else:
            if session is not None:
                checked = (
                    self._checked(connection, receive, send) if scope["type"] == "websocket" else receive
                )
                await self._app(scope, checked, send)
                return
            refusal = _refusal(connection, self._throttle)
        if scope["type"] == "websocket":
            await send({"type": "websocket.close", "code": 1008})
        else:
            await refusal(scope, receive, send)

    def _checked(self, connection: HTTPConnection, receive: Receive, send: Send) -> Receive:
        """Look up the session at each message too: a click's callback runs before the page's own check."""

        async def checked() -> Message:
            message = await receive()
            try:
                is_over = await _find(connection, self._throttle) is None
            except ChatbotError:
                is_over = False  # the page says that the store does not answer
            if not is_over or message["type"] == "websocket.disconnect":
                return message
            await send({"type": "websocket.close", "code": 1008})
            return {"type": "websocket.disconnect", "code": 1008}

        return checked


def parts(settings: StaffSettings, address: str = "127.0.0.1") -> tuple[list[Route], list[Middleware]]:
    """Return the routes of these pages that are not Streamlit's, and the middleware in front of Streamlit."""
    report = Route("/report/{token}/{key:path}", _report)
    if settings.oidc_secrets is not None:
        return [report], []
    if not login.is_by_token(settings):
        is_host = host_check(address)
        return [report], [Middleware(HostGuard, is_host=is_host)] if is_host else []
    throttle = Throttle()
    return [report, *_login_routes(settings, throttle)], [Middleware(SessionGuard, throttle=throttle)]


def report_url(key: str) -> str:
    """Return the URL of a drift report; only those who saw a page of this process know it, under any kind of login."""
    return f"/report/{_report_token}/{quote(key)}"


def is_https(connection: HTTPConnection) -> bool:
    """Whether the browser uses HTTPS, here or at a proxy; believed because it only makes the cookie stricter."""
    return "https" in (connection.url.scheme, connection.headers.get("x-forwarded-proto", "").lower())


def _login_routes(settings: StaffSettings, throttle: Throttle) -> list[Route]:

    async def show_login(request: Request) -> Response:
        where = _next(request.query_params.get("next", ""))
        try:
            session = await _find(request, throttle)
        except ChatbotError as error:
            return _form(where, "This does not work now", str(error), 503)
        if session is not None:
            return RedirectResponse(where, 303)
        response = _form(where)
        response.delete_cookie(COOKIE)
        return response

    async def log_in(request: Request) -> Response:
        body = b""
        async for chunk in request.stream():
            body += chunk
            if len(body) > _MAX_FORM_BYTES:
                return PlainTextResponse("too long\n", 413)
        form = {name: values[0] for name, values in parse_qs(body.decode(errors="replace")).items()}
        where, name = _next(form.get("next", "")), login.name_of(form.get("name", ""))
        device = await _device_of(request)
        # Behind a proxy all share one address: guesses from there must not lock out browsers that have logged in.
        counted = device or (request.client.host if request.client else "")
        if wait := throttle.wait(counted):
            return _too_many(where, wait)
        if not name:
            return _form(where, "Who are you?", "Your name is recorded with your decisions.", 422)
        if not login.is_token(settings, form.get("token", "")):
            throttle.fail(counted)
            return _form(
                where,
                "That is not the token",
                "Ask the operator of these pages for CHATBOT_STAFF_TOKEN.",
                403,
            )
        try:
            cookie = await run_in_threadpool(sessions.open_sessions().start, name)
            device = device or await run_in_threadpool(sessions.open_sessions().new_device)
        except ChatbotError as error:
            log.error("login does not work: %s", error)
            return _form(where, "This does not work now", str(error), 503)
        response = RedirectResponse(where, 303)
        kept = (
            (COOKIE, cookie, round(settings.session_hours * 3600)),
            (DEVICE_COOKIE, device, _DEVICE_SECONDS),
        )
        for key, value, seconds in kept:
            response.set_cookie(
                key, value, max_age=seconds, httponly=True, secure=is_https(request), samesite="strict"
            )
        return response

    return [Route("/login", show_login), Route("/login", log_in, methods=["POST"])]


async def _device_of(request: Request) -> str:
    """Return the cookie of a browser that has logged in before (OWASP device cookie); empty if missing or forged."""
    cookie = request.cookies.get(DEVICE_COOKIE, "")
    try:
        known = bool(cookie) and await run_in_threadpool(sessions.open_sessions().is_device, cookie)
    except ChatbotError:
        return ""
    return cookie if known else ""


async def _report(request: Request) -> Response:
    key = request.path_params["key"]
    is_known = secrets.compare_digest(request.path_params["token"].encode(), _report_token.encode())
    if not is_known or not _REPORT.fullmatch(key) or ".." in key:
        return PlainTextResponse("not found\n", 404)
    try:
        store = open_store(StorageSettings())
        content = await run_in_threadpool(store.get, key)
    except ChatbotError as error:
        return PlainTextResponse(f"This does not work now: {error}\n", 503)
    headers = {"content-security-policy": REPORT_POLICY, "cache-control": "private, max-age=3600"}
    return HTMLResponse(content, headers=headers)


async def _find(connection: HTTPConnection, throttle: Throttle) -> StaffSession | None:
    cookie = connection.cookies.get(COOKIE)
    address = connection.client.host if connection.client else ""
    if not cookie:
        return None
    try:
        return await run_in_threadpool(sessions.open_sessions().find, cookie)
    except ForgedCookie:
        throttle.fail(address)
        return None


def _refusal(connection: HTTPConnection, throttle: Throttle) -> Response:
    where = _next(connection.url.path)
    if wait := throttle.wait(connection.client.host if connection.client else ""):
        return _too_many(where, wait)
    if "text/html" in connection.headers.get("accept", ""):
        return RedirectResponse(f"/login?next={quote(where)}", 303)
    return PlainTextResponse("log in first\n", 401)


def _too_many(where: str, wait: float) -> Response:
    seconds = math.ceil(wait)
    text = f"Too many wrong attempts came from your address. Wait {seconds} seconds."
    response = _form(where, "Not now", text, 429)
    response.headers["retry-after"] = str(seconds)
    return response


def _form(where: str, title: str = "", text: str = "", status: int = 200) -> Response:
    page = html.login(assets.read("style.css"), where, login.MAX_NAME_CHARS, title, text)
    return HTMLResponse(page, status, {"cache-control": "no-store"})


def _next(path: str) -> str:
    """Return where to go after the login: a page of this server, whatever a link asks for."""
    return path if _PAGE.fullmatch(path) and path not in _OPEN else "/"
