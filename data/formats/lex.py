"""Read Amazon's exports: Lex V2 (a folder or zip), Lex V1 and Alexa (JSON)."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from chatbot.dialog.message import OUT_OF_SCOPE
from data.formats.document import JsonDocument, dig, dropped, listed, rows_of
from data.formats.json_text import load_json
from data.labels import words_of
from data.rows import Rows, first_replies

_SLOT = re.compile(r"(?<!\{)\{([A-Za-z]\w*)\}(?!\})")
_FALLBACK = "AMAZON.FallbackIntent"


def is_lex(document: JsonDocument) -> bool:
    """Whether the document is a Lex V1 resource or an Alexa interaction model."""
    return bool(_intents(document))


def read_lex(document: JsonDocument, file: str) -> Rows:
    """Read the sample utterances of Lex V1 or Alexa."""
    intents = _intents(document)
    utterances = [
        (_with_placeholders(utterance), intent["name"])
        for intent in intents
        for utterance in listed(intent.get("sampleUtterances") or intent.get("samples"))
    ]
    result = rows_of(utterances, file)
    for intent in intents:
        messages = listed(dig(intent, "conclusionStatement", "messages"))
        if messages and messages[0].get("content"):
            result.replies[intent["name"]] = str(messages[0]["content"])
    silent = sum(not listed(i.get("sampleUtterances") or i.get("samples")) for i in intents)
    dropped(result, file, silent, "intents without an utterance", "nothing to learn")
    return result


def is_lex_folder(folder: Path) -> bool:
    """Whether the folder is a Lex V2 export."""
    return next(folder.rglob("BotLocale.json"), None) is not None


def read_lex_folder(folder: Path) -> Rows:
    """Read the sample utterances of a Lex V2 bot; of several locales the English one, else the first."""
    locales = sorted(path.parent for path in folder.rglob("BotLocale.json"))
    first = next((path for path in locales if path.name.startswith("en")), locales[0])
    chosen = [path for path in locales if path.name == first.name]  # there may be several bots
    messages: list[tuple[object, object]] = []
    replies: list[tuple[str, str]] = []
    silent = 0
    for path in sorted(path for locale in chosen for path in locale.glob("Intents/*/Intent.json")):
        intent: dict[str, Any] = load_json(path)
        is_fallback = intent.get("parentIntentSignature") == _FALLBACK
        name = OUT_OF_SCOPE if is_fallback else intent.get("name", path.parent.name)
        utterances = listed(intent.get("sampleUtterances"))
        silent += not utterances
        messages.extend((_with_placeholders(utterance.get("utterance")), name) for utterance in utterances)
        if text := _reply(intent):
            replies.append((str(name), text))
    result = rows_of(messages, str(folder))
    found, several = first_replies(replies, str(folder))
    result.notices.extend(several)
    result.replies = {intent: text for intent, text in found.items() if intent != OUT_OF_SCOPE}
    others = ", ".join(path.name for path in locales if path not in chosen)
    why = f"the bot has one language: {first.name} is read"
    dropped(result, str(folder), len(locales) - len(chosen), f"locales ({others})", why)
    dropped(result, str(folder), silent, "intents without an utterance", "nothing to learn")
    return result


def _intents(document: JsonDocument) -> list[JsonDocument]:
    model = dig(document, "interactionModel", "languageModel") or document.get("languageModel")
    resource = document.get("resource") or model
    intents = listed(dig(resource, "intents")) or [resource]  # of Lex V1 one intent may be exported alone
    return [i for i in intents if dig(i, "name") and ("sampleUtterances" in i or "samples" in i)]


def _with_placeholders(utterance: object) -> object:
    """Return an utterance in which slots (`{OrderNumber}`) are placeholders (`{{Order Number}}`)."""
    return _SLOT.sub(_placeholder, utterance) if isinstance(utterance, str) else utterance


def _placeholder(slot: re.Match[str]) -> str:
    return f"{{{{{words_of(slot[1])}}}}}"


def _reply(intent: dict[str, Any]) -> str:
    """Return the plain text of the initial, the fulfilment or the closing response."""
    for response in (
        dig(intent, "initialResponseSetting", "initialResponse"),
        dig(intent, "intentClosingSetting", "closingResponse"),
        dig(intent, "fulfillmentCodeHook", "postFulfillmentStatusSpecification", "successResponse"),
    ):
        for group in listed(dig(response, "messageGroupsList") or dig(response, "messageGroups")):
            if text := dig(group, "message", "plainTextMessage", "value"):
                return str(text).strip()
    return ""
