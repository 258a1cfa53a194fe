"""What the API takes and gives, with examples: the OpenAPI page is made of these."""

from __future__ import annotations

import json
import re
from datetime import datetime
from typing import Annotated, Any, Literal, TypeVar

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, TypeAdapter, ValidationError

from chatbot.errors import InvalidMessage

SESSION_ID = r"^[A-Za-z0-9._:-]{1,128}$"

_SURROGATE = re.compile(r"[\ud800-\udfff]")

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
}


class ChatRequest(BaseModel):
    """A message to the bot. Fields that are not listed here are ignored."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"message": "I want a refund", "session_id": None}]}
    )

    message: str = Field(description="What the user wrote, in any script, up to the configured length.")
    session_id: Annotated[str, StringConstraints(pattern=SESSION_ID)] | None = Field(
        None,
        description="Joins the messages of one conversation in the log. Made by the caller.",
    )


class Choice(BaseModel):
    """An intent the message may have."""

    intent: str
    confidence: float
    title: str = Field(description="The intent as a customer can read it.")


class ChatReply(BaseModel):
    """What the bot answers."""

    model_config = ConfigDict(json_schema_extra={"examples": [_REPLY]})

    intent: str = Field(description="The likeliest intent, or `out_of_scope`.")
    response: str = Field(description="The text for the customer.")
    confidence: float = Field(
        description="A calibrated probability: of the answers given with 0.9, nine in ten are right."
    )
    source: Literal["rule", "model", "clarify", "human"] = Field(
        description="Who decided: a keyword rule, the model, nobody yet (choose an alternative), a person will."
    )
    alternatives: list[Choice] = Field(
        description="The choices of a clarification, or the likeliest intents."
    )
    handoff: bool = Field(description="Whether a person takes over.")
    summary: str = Field(description="For the person who takes over, without personal data; else empty.")
    prediction_id: str = Field(description="What feedback refers to.")
    model_version: str


class FeedbackRequest(BaseModel):
    """What somebody says of a reply. Sent again for the same prediction, it replaces the earlier."""

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
        None, max_length=200, description="The right intent (see /intents), or `out_of_scope`."
    )
    comment: str | None = Field(None, max_length=2_000, description="Stored without personal data.")


class FeedbackReply(BaseModel):
    """The feedback was noted."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"prediction_id": _REPLY["prediction_id"]}]})

    prediction_id: str


class Version(BaseModel):
    """What serves now."""

    service: str = Field(description="The version of the code.")
    model_version: str
    bundle_digest: str
    corpus_digest: str
    git_commit: str = Field(description="Empty where nobody noted it.")
    trained: datetime | None = Field(description="When the bundle was made; null where nobody noted it.")
    encoder: str
    thresholds: dict[str, float]
    target: dict[str, Any] = Field(description="What the thresholds were learned for.")
    scores: dict[str, float]


class Intent(BaseModel):
    """One thing the bot can answer."""

    name: str
    title: str
    category: str
    description: str
    examples: tuple[str, ...]
    reply: str


class Problem(BaseModel):
    """What went wrong."""

    type: str = Field(description="A machine-readable name.")
    message: str = Field(description="For a person: what was wrong, and what to do.")
    details: Any = None


class ErrorReply(BaseModel):
    """The shape of every error."""

    error: Problem


M = TypeVar("M", bound=BaseModel)


def parse(adapter: TypeAdapter[M], body: bytes) -> M:
    """Read a JSON body.

    Raises:
        InvalidMessage: it is not JSON, or not of this shape: the fields are named, no value is repeated.
    """
    try:
        return adapter.validate_json(body)
    except ValidationError as error:
        if b"\\u" not in body or not _is_not_json(error):
            raise _invalid(error) from None
    # Half an emoji, cut by some client, is JSON to most parsers and not to pydantic's: it is worth an answer.
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
    problems = [{"field": ".".join(str(part) for part in e["loc"]), "problem": e["msg"]} for e in found]
    first = problems[0]
    where = f"`{first['field']}`: " if first["field"] else ""
    return InvalidMessage(f"the body is not of the expected shape: {where}{first['problem']}", problems)
