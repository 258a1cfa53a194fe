"""Define the schemas of requests and responses, with examples; the OpenAPI page is generated from them."""

from __future__ import annotations

import codecs
import json
import re
from datetime import datetime
from typing import Annotated, Any, Literal, TypeVar

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError

from chatbot.errors import InvalidMessage

MAX_SESSION_ID_CHARS = 256

_SURROGATE = re.compile(r"[\ud800-\udfff]")

_EXAMPLE = "f2m7x0qk3c9d5h1w8zt6a01k3v"

_REPLY: dict[str, Any] = {
    "intent": "get_refund",
    "response": "You can ask for a refund within 14 days at https://shop.example.com/returns.",
    "confidence": 0.97,
    "source": "model",
    "alternatives": [
        {"intent": "get_refund", "confidence": 0.97, "title": "Get refund"},
        {"intent": "track_refund", "confidence": 0.02, "title": "Track refund"},
    ],
    "handoff": False,
    "summary": "",
    "prediction_id": "0199f3a2c4d81b6e2f0a9c35d7e84b10",
    "model_version": "7aec7c2859be",
    "contact_token": "",
}


class RequestBody(BaseModel):
    """A request's body: nothing is converted to another type. Fields that are not listed are ignored."""

    model_config = ConfigDict(strict=True)


class ChatRequest(RequestBody):
    """A message to the bot. Fields that are not listed here are ignored."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"message": "I want a refund", "session_id": None}]}
    )

    message: str = Field(description="Text of the user, in any script, up to the configured length.")
    session_id: Annotated[str, Field(max_length=MAX_SESSION_ID_CHARS)] | int | None = Field(
        None,
        description="Groups the messages of one conversation; chosen by the caller, stored as a keyed hash only.",
    )


class ReplyAlternative(BaseModel):
    """A candidate intent."""

    intent: str
    confidence: float
    title: str = Field(description="Title of the intent for customers.")


class ChatReply(BaseModel):
    """The bot's reply."""

    model_config = ConfigDict(json_schema_extra={"examples": [_REPLY]})

    intent: str = Field(description="The most likely intent, or `out_of_scope`.")
    response: str = Field(description="Text for the customer.")
    confidence: float = Field(
        description="A calibrated probability that `alternatives[0]`, the most likely intent, is right: of the answers "
        "given with 0.9, nine in ten are. Where `intent` is `out_of_scope`, it is still that of `alternatives[0]`, not "
        "of being out of scope: the scope score decided. 1 for a rule, 0 for a message without words."
    )
    source: Literal["rule", "model", "clarify", "human"] = Field(
        description="What decided: a keyword rule or the model; `clarify`: choose an alternative; `human`: handoff."
    )
    alternatives: list[ReplyAlternative] = Field(
        description="The choices of a clarification, or the most likely intents."
    )
    handoff: bool = Field(description="Whether a human takes over.")
    summary: str = Field(
        description="Summary for the human who takes over, PII redacted; empty without a handoff."
    )
    prediction_id: str = Field(description="Reference for feedback.")
    model_version: str
    contact_token: str = Field(
        description="Needed by `/handoffs/{prediction_id}/contact`, secret; empty without a handoff or a store.",
    )


class FeedbackRequest(RequestBody):
    """A rating of a reply. Idempotent: sent again for the same prediction, it replaces the earlier one."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {"prediction_id": _REPLY["prediction_id"], "helpful": False, "intent": "track_refund"}
            ]
        }
    )

    prediction_id: str = Field(max_length=200, description="From the reply.")
    helpful: bool
    intent: str | None = Field(
        None, max_length=200, description="The correct intent (see /intents), or `out_of_scope`."
    )
    comment: str | None = Field(None, max_length=2_000, description="Stored with PII redacted.")


class ContactRequest(RequestBody):
    """How a customer can be reached after a handoff. A repeated request replaces the stored data."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"contact": "jane@example.com", "contact_token": _EXAMPLE}]}
    )

    contact: str = Field(
        max_length=1_000,
        description="E-mail address, phone number or a sentence with one, up to 200 characters. Kept with the handoff.",
    )
    contact_token: str = Field(max_length=64, description="From the reply that handed over; valid for a day.")


class ContactReply(BaseModel):
    """Confirmation that the contact data is stored."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"prediction_id": _REPLY["prediction_id"], "kind": "email"}]}
    )

    prediction_id: str
    kind: Literal["email", "phone", "text"]


class FeedbackReply(BaseModel):
    """Confirmation that the feedback is stored."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"prediction_id": _REPLY["prediction_id"]}]})

    prediction_id: str


class ModelDescription(BaseModel):
    """The served model."""

    service: str = Field(description="Version of the code.")
    model_version: str
    bundle_digest: str
    corpus_digest: str
    git_commit: str = Field(description="Commit of the build; empty: unknown.")
    trained: datetime | None = Field(description="Time of the build; null: unknown.")
    encoder: str
    thresholds: dict[str, float]
    target: dict[str, Any] = Field(description="Target of the learned thresholds.")
    scores: dict[str, float]


class Intent(BaseModel):
    """An intent of the bot."""

    name: str
    title: str
    category: str
    description: str
    examples: tuple[str, ...]
    reply: str


class ErrorBody(BaseModel):
    """Description of an error."""

    type: str = Field(description="Machine-readable name.")
    message: str = Field(description="What was wrong, and what to do.")
    details: Any = None


class ErrorReply(BaseModel):
    """Format of every error response."""

    error: ErrorBody


M = TypeVar("M", bound=BaseModel)


def parse(adapter: TypeAdapter[M], body: bytes) -> M:
    """Parse a JSON body.

    Raises:
        InvalidMessage: it is not JSON, or does not match the schema; names the fields, never repeats a value.
    """
    body = body.removeprefix(codecs.BOM_UTF8)  # which some clients on Windows send
    try:
        return adapter.validate_json(body)
    except ValidationError as error:
        if b"\\u" not in body or not _is_not_json(error):
            raise _invalid(error) from None
    # A lone surrogate (half an emoji, truncated by a client) is JSON to most parsers but not to pydantic's: accept it.
    try:
        value = json.loads(body)
    except (ValueError, RecursionError):
        raise InvalidMessage("the body is not JSON") from None
    if isinstance(value, dict):
        value = {key: _SURROGATE.sub("\ufffd", v) if isinstance(v, str) else v for key, v in value.items()}
    try:
        return adapter.validate_python(value)
    except ValidationError as error:
        raise _invalid(error) from None


def _is_not_json(error: ValidationError) -> bool:
    return (
        error.errors(include_url=False, include_context=False, include_input=False)[0]["type"]
        == "json_invalid"
    )


def _invalid(error: ValidationError) -> InvalidMessage:
    found = error.errors(include_url=False, include_context=False, include_input=False)
    if found[0]["type"] == "json_invalid":
        return InvalidMessage(f"the body is not JSON: {found[0]['msg'].removeprefix('Invalid JSON: ')}")
    # Behind the field's name is the type that was tried.
    problems = [{"field": str(next(iter(e["loc"]), "")), "problem": e["msg"]} for e in found]
    first = problems[0]
    where = f"`{first['field']}`: " if first["field"] else ""
    return InvalidMessage(f"the body is not of the expected shape: {where}{first['problem']}", problems)
