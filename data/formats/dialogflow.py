"""Read Dialogflow's exports: ES agents, and CX agents in the JSON package format."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from chatbot.dialog.message import OUT_OF_SCOPE
from data.formats.document import INTENTS_ONLY, dig, dropped, listed, rows_of
from data.formats.json_text import load_json
from data.rows import Rows

_SLOT = re.compile(r"@[\w.-]+:([A-Za-z][\w-]*)")


def is_agent(folder: Path) -> bool:
    """Whether the folder is an agent, ES or CX."""
    return (folder / "intents").is_dir() and (
        (folder / "agent.json").is_file()
        or next(folder.glob("intents/*_usersays_*.json"), None) is not None
        or next(folder.glob("intents/*/trainingPhrases"), None) is not None
    )


def read_agent(folder: Path) -> Rows:
    """Read the training phrases in the agent's own language; those of a fallback intent are out of scope."""
    agent: dict[str, Any] = load_json(folder / "agent.json") if (folder / "agent.json").is_file() else {}
    language = agent.get("language") or agent.get("defaultLanguageCode") or ""
    is_cx = next(folder.glob("intents/*/*.json"), None) is not None
    messages: list[tuple[object, object]] = []
    fallbacks: set[str] = set()
    replies: dict[str, str] = {}
    silent = others = 0
    for path in sorted(folder.glob("intents/*/*.json" if is_cx else "intents/*.json")):
        if "_usersays_" in path.stem:
            continue
        intent: dict[str, Any] = load_json(path)
        name = str(intent.get("displayName" if is_cx else "name") or path.stem)
        if intent.get("isFallback") or intent.get("fallbackIntent"):
            fallbacks.add(name)
        beside = "trainingPhrases/*.json" if is_cx else f"{_literal(path.stem)}_usersays_*.json"
        files = sorted(path.parent.glob(beside))
        own = language if is_cx else f"_usersays_{language}"
        chosen = next((f for f in files if f.stem.endswith(own)), files[0] if files else None)
        found = load_json(chosen) if chosen else intent.get("trainingPhrases") or intent.get("userSays")
        phrases = listed(found.get("trainingPhrases") if isinstance(found, dict) else found)
        others += max(0, len(files) - 1)
        silent += not phrases
        label = OUT_OF_SCOPE if name in fallbacks else name
        messages.extend((_message(phrase), label) for phrase in phrases)
        replies[name] = _es_reply(intent, language)
    result = rows_of(messages, str(folder))
    replies = _cx_replies(folder, language) if is_cx else replies
    result.replies = {name: text for name, text in replies.items() if text and name not in fallbacks}
    dropped(result, str(folder), silent, "intents without a training phrase", "nothing to learn")
    why = f"the bot has one language, the agent's own: {language or 'the first'}"
    dropped(result, str(folder), others, "files of phrases in other languages", why)
    entities = [path for path in folder.glob("entities/*.json") if "_entries_" not in path.stem]
    dropped(result, str(folder), len(entities), "entities", INTENTS_ONLY)
    dropped(result, str(folder), len(list(folder.glob("entityTypes/*"))), "entity types", INTENTS_ONLY)
    return result


def _cx_replies(folder: Path, language: str) -> dict[str, str]:
    """Return the first text of the routes of an intent, in the agent's own language."""
    replies: dict[str, str] = {}
    flows = ("flows/*/*.json", "flows/*/pages/*.json", "flows/*/transitionRouteGroups/*.json")
    for path in sorted(path for place in flows for path in folder.glob(place)):
        for route in listed(load_json(path).get("transitionRoutes")):
            messages = listed(dig(route, "triggerFulfillment", "messages"))
            messages.sort(key=lambda message: (dig(message, "languageCode") or language) != language)
            for message in messages:
                if route.get("intent") and (texts := listed(dig(message, "text", "text"))):
                    replies.setdefault(route["intent"], str(texts[0]))
    return replies


def _message(phrase: dict[str, Any]) -> str | None:
    """Return the text of a training phrase; the slots of a template (`@sys.geo-city:city`) become placeholders."""
    text = _text(phrase.get("parts") or phrase.get("data"))
    return _SLOT.sub(r"{{\1}}", text) if text and phrase.get("isTemplate") else text


def _text(parts: object) -> str | None:
    return "".join(str(part.get("text", "")) for part in listed(parts)) or None


def _es_reply(intent: dict[str, Any], language: str) -> str:
    for response in listed(intent.get("responses")):
        messages = [m for m in listed(response.get("messages")) if m.get("speech")]
        messages.sort(key=lambda message: message.get("lang", language) != language)
        if messages:
            speech = messages[0]["speech"]
            return str(speech[0] if isinstance(speech, list) else speech).strip()
    return ""


def _literal(name: str) -> str:
    """Escape a name for glob."""
    return "".join(f"[{c}]" if c in "*?[" else c for c in name)
