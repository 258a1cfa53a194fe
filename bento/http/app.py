"""Define the HTTP API as a FastAPI app: routes, OpenAPI page and the common error format."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import cache
from typing import Any, Protocol

from fastapi import FastAPI, Request, Response
from fastapi.openapi.docs import get_swagger_ui_html
from fastapi.openapi.utils import get_openapi
from fastapi.routing import APIRoute
from pydantic import BaseModel
from pydantic_core import to_json
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.responses import RedirectResponse
from starlette.staticfiles import StaticFiles

from bento import library_internals
from bento.http import schemas
from bento.http.access import SCOPE_OF_ROUTE
from bento.http.asgi import ASSETS, CONTACT, error_headers, no_such_route
from bento.http.fast_path import PostEndpoint
from bento.http.limits import RequestLimits
from bento.http.metrics import CONTENT_TYPE, Metrics
from bento.version import code_version
from chatbot.errors import (
    ChatbotError,
    InvalidApiKey,
    InvalidMessage,
    MethodNotAllowed,
    MissingScope,
    NotFound,
    Overloaded,
    RateLimited,
    TooLarge,
    TooSlow,
    Unavailable,
    UnsupportedMedia,
)

DESCRIPTION = (
    "Predicts the intent of a customer's message with a calibrated confidence, and answers, asks for clarification, "
    "or hands over to a human."
)

_KEY_DESCRIPTION = (
    "An API key, where the operator requires one. Scopes: `chat` for `/chat`, `feedback` for `/feedback`, `read` for "
    "all other routes."
)
_MAX_CONTACT_BYTES = 4_096
_MAX_CONTACTS = 8
"""Contact data that waits for the store at once: a store that hangs must not take the slots of messages."""

# BentoML ships the script and style of Swagger UI: the page works without internet access.
_ASSETS = library_internals.swagger_folder()
_PAGE_POLICY = (
    "default-src 'self'; script-src 'self' 'unsafe-inline'; style-src 'self' 'unsafe-inline'; "
    "img-src 'self' data:; frame-ancestors 'none'"
)


@dataclass(frozen=True, slots=True)
class About:
    """Description of the served model; constant while the service runs."""

    version: schemas.ModelDescription
    intents: tuple[schemas.Intent, ...]


class MessageHandler(Protocol):
    """Handles the bodies of the POST routes (`bento.chat.handler.Chat`)."""

    async def reply(self, body: bytes) -> bytes: ...
    async def take_feedback(self, body: bytes) -> bytes: ...
    async def take_contact(self, body: bytes, prediction_id: str) -> bytes: ...


class PostRoute(APIRoute):
    """A POST route: FastAPI documents it, `post` handles it, behind FastAPI's router or before it (`FastPath`)."""

    def __init__(self, path: str, post: PostEndpoint, body: type[BaseModel], **documentation: Any) -> None:
        # FastAPI does not parse the body: that would take as long as the rest of the request.
        schema = body.model_json_schema(ref_template="#/components/schemas/{model}")
        content = {"required": True, "content": {"application/json": {"schema": schema}}}
        names = re.findall(r"\{(\w+)\}", path)
        named = [{"name": n, "in": "path", "required": True, "schema": {"type": "string"}} for n in names]
        extra = {"requestBody": content, **({"parameters": named} if named else {})}
        super().__init__(path, _only_documented, methods=["POST"], openapi_extra=extra, **documentation)
        self.post = post
        self.app = post  # type: ignore[assignment]  # returns the status, which Starlette ignores


async def _only_documented() -> None:
    raise NotImplementedError("PostRoute.post handles the request")


def post_routes(handler: Callable[[], MessageHandler], limits: RequestLimits) -> tuple[PostRoute, ...]:
    """Declare the POST routes.

    Args:
        handler: returns the message handler; called per request, so that the routes can exist before the model.
        limits: limits of messages; the other routes have the same, apart from those of concurrency.
    """
    return (
        PostRoute(
            "/chat",
            PostEndpoint(lambda body: handler().reply(body), limits),
            schemas.ChatRequest,
            summary="Answer a message",
            response_model=schemas.ChatReply,
            responses=_errors(*_BODY_ERRORS, Unavailable),
        ),
        PostRoute(
            "/feedback",
            PostEndpoint(
                lambda body: handler().take_feedback(body),
                replace(limits, concurrency=limits.concurrency.apart()),
                status=202,
            ),
            schemas.FeedbackRequest,
            summary="Rate a reply",
            status_code=202,
            response_model=schemas.FeedbackReply,
            responses=_errors(NotFound, *_BODY_ERRORS),
        ),
        PostRoute(
            CONTACT,
            PostEndpoint(
                lambda body, prediction_id: handler().take_contact(body, prediction_id),
                replace(
                    limits,
                    concurrency=limits.concurrency.apart(_MAX_CONTACTS),
                    max_body_bytes=min(_MAX_CONTACT_BYTES, limits.max_body_bytes),
                ),
            ),
            schemas.ContactRequest,
            summary="Leave contact data after a handoff",
            response_model=schemas.ContactReply,
            responses=_errors(NotFound, *_BODY_ERRORS, Unavailable),
        ),
    )


def create_app(
    about: Callable[[], About],
    posts: Sequence[PostRoute],
    metrics: Metrics | None,
    *,
    needs_key: bool = False,
) -> FastAPI:
    """Create the FastAPI app.

    Args:
        about: returns the model's description; called per request, so that the app can exist before the model.
        posts: the POST routes.
        metrics: rendered by `GET /metrics`; None: another port serves them.
        needs_key: whether the API's description asks for an API key, which `bento.http.access` checks.
    """
    app = FastAPI(
        title="Support chatbot",
        description=DESCRIPTION,
        version=code_version(),
        openapi_url=None,
        docs_url=None,
        redoc_url=None,
    )
    app.mount(ASSETS, StaticFiles(directory=_ASSETS, check_dir=False))
    use_common_error_format(app)
    app.router.routes.extend(posts)

    refusals = _errors(InvalidApiKey, MissingScope, RateLimited)

    @app.get("/version", summary="Describe the served model", responses=refusals)
    async def version() -> schemas.ModelDescription:
        return about().version

    @app.get("/intents", summary="List the intents", responses=refusals)
    async def intents() -> tuple[schemas.Intent, ...]:
        return about().intents

    if metrics is not None:

        @app.get("/metrics", summary="Prometheus metrics", response_class=Response, responses=refusals)
        async def prometheus() -> Response:
            return Response(await metrics.page(), media_type=CONTENT_TYPE)

    @cache
    def document() -> bytes:  # FastAPI's own route serializes it on each request, which takes milliseconds
        return to_json(app.openapi())

    @app.get("/openapi.json", include_in_schema=False)
    async def openapi() -> Response:
        return Response(document(), media_type="application/json")

    @app.get("/docs", include_in_schema=False)
    async def docs() -> Response:
        page = get_swagger_ui_html(
            openapi_url="openapi.json",
            title=app.title,
            swagger_js_url=f"{ASSETS}/swagger-ui-bundle.js",
            swagger_css_url=f"{ASSETS}/swagger-ui.css",
            swagger_favicon_url="data:,",
        )
        page.headers["content-security-policy"] = _PAGE_POLICY
        return page

    @app.get("/", include_in_schema=False)
    async def root() -> Response:
        return RedirectResponse("docs")

    _describe_keys(app, needs_key)
    return app


def _describe_keys(app: FastAPI, is_required: bool) -> None:
    """Add the security scheme to the OpenAPI document: required, or optional (`{}`) where no keys are configured."""

    def openapi() -> dict[str, Any]:
        if app.openapi_schema is None:
            schema = get_openapi(
                title=app.title, version=app.version, description=app.description, routes=app.routes
            )
            schema["components"]["securitySchemes"] = {
                "ApiKey": {"type": "http", "scheme": "bearer", "description": _KEY_DESCRIPTION}
            }
            for path, operations in schema["paths"].items():
                for operation in operations.values():
                    operation["security"] = [
                        {"ApiKey": [SCOPE_OF_ROUTE[path]]},
                        *([] if is_required else [{}]),
                    ]
            app.openapi_schema = schema
        return app.openapi_schema

    app.openapi = openapi  # type: ignore[method-assign]  # FastAPI's documented way to extend the document


def use_common_error_format(app: Starlette) -> None:
    """Install exception handlers that return an app's errors, FastAPI's or BentoML's, in the API's error format."""

    async def answer(request: Request, error: Exception) -> Response:
        headers: dict[str, str] = {}
        if isinstance(error, HTTPException):
            headers = dict(error.headers or {})
            if headers.get("Allow") == "GET":
                headers["Allow"] = "GET, HEAD"  # `FastPath` answers it
            error = _translated(error)
        if not isinstance(error, ChatbotError):
            error = ChatbotError("an internal error: it was logged")
        headers |= {name.decode(): value.decode() for name, value in error_headers(error)}
        return Response(to_json(error.body()), error.status, headers, media_type="application/json")

    # A redirect from `/chat/` would use the Host header of the request, which the client controls.
    app.router.redirect_slashes = False
    app.add_exception_handler(HTTPException, answer)
    app.add_exception_handler(ChatbotError, answer)
    app.add_exception_handler(Exception, answer)


def _translated(error: HTTPException) -> ChatbotError:
    if error.status_code == 404:
        return no_such_route()
    if error.status_code == 405:
        return MethodNotAllowed("this route does not have this method: see /docs")
    if error.status_code == 503:
        return Unavailable(
            "the service is not ready: the model does not answer yet, or the service is shutting down"
        )
    translated = ChatbotError(str(error.detail))
    translated.status = error.status_code  # type: ignore[misc]  # of this one instance
    return translated


_EXAMPLES: dict[type[ChatbotError], ChatbotError] = {
    InvalidApiKey: InvalidApiKey("send a valid API key, as `Authorization: Bearer <key>`"),
    MissingScope: MissingScope("chat"),
    RateLimited: RateLimited("address", 3),
    NotFound: NotFound("no prediction has this `prediction_id`"),
    MethodNotAllowed: MethodNotAllowed("this route does not have this method: see /docs"),
    TooSlow: TooSlow("the body did not arrive within 10 s", {"limit_seconds": 10}),
    TooLarge: TooLarge("the body is longer than 65536 bytes", {"limit_bytes": 65536}),
    UnsupportedMedia: UnsupportedMedia("send JSON, with the header `Content-Type: application/json`"),
    InvalidMessage: InvalidMessage("`message` is empty", [{"field": "message", "problem": "empty"}]),
    Overloaded: Overloaded("too many messages at once: try again in 1 s", {"retry_after_seconds": 1}),
    Unavailable: Unavailable("the model is not running: try again in a few seconds"),
}


_BODY_ERRORS = (
    InvalidApiKey,
    MissingScope,
    MethodNotAllowed,
    TooSlow,
    TooLarge,
    UnsupportedMedia,
    InvalidMessage,
    Overloaded,
    RateLimited,
)


def _errors(*kinds: type[ChatbotError]) -> dict[int | str, dict[str, Any]]:
    """Return the OpenAPI error responses of a route, each status with the actual body of its first kind."""
    found: dict[int | str, dict[str, Any]] = {}
    for kind in kinds:
        description = (kind.__doc__ or "").strip().split("\n")[0]
        if kind.status in found:
            found[kind.status]["description"] += f" Or `{kind.type}`: {description}"
            continue
        found[kind.status] = {
            "model": schemas.ErrorReply,
            "description": description,
            "content": {"application/json": {"example": _EXAMPLES[kind].body()}},
        }
    return found
