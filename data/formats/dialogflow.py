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
    following: list[str] = []
    silent = others = unused = 0
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
        if intent.get("contexts") or intent.get("parentId"):
            following.append(name)
            unused += len(phrases)
            continue
        silent += not phrases
        label = OUT_OF_SCOPE if name in fallbacks else name
        messages.extend((_message(phrase), label) for phrase in phrases)
        replies[name] = _es_reply(intent, language)
    result = rows_of(messages, str(folder))
    if is_cx:
        replies, dependent = _cx_replies(
            folder, language, str(agent.get("startFlow") or "Default Start Flow")
        )
        dropped(
            result, str(folder), dependent, "texts of routes", "they have a condition, or hold on one page"
        )
    result.replies = {name: text for name, text in replies.items() if text and name not in fallbacks}
    what = f"intents with {unused:,} phrases ({', '.join(following[:5])})"
    why = "they follow another intent, and the bot keeps no state of a conversation"
    dropped(result, str(folder), len(following), what, why)
    dropped(result, str(folder), silent, "intents without a training phrase", "nothing to learn")
    why = f"the bot has one language, the agent's own: {language or 'the first'}"
    dropped(result, str(folder), others, "files of phrases in other languages", why)
    entities = [path for path in folder.glob("entities/*.json") if "_entries_" not in path.stem]
    dropped(result, str(folder), len(entities), "entities", INTENTS_ONLY)
    dropped(result, str(folder), len(list(folder.glob("entityTypes/*"))), "entity types", INTENTS_ONLY)
    return result


def _cx_replies(folder: Path, language: str, start: str) -> tuple[dict[str, str], int]:
    """Return the first text of the routes of an intent, in the agent's own language, those of the start flow first.

    A route that has a condition or belongs to a page depends on the state of the conversation: these are counted.
    """
    replies: dict[str, str] = {}
    dependent = 0
    for flow in sorted(folder.glob("flows/*"), key=lambda flow: (flow.name != start, flow.name)):
        own, groups, pages = (
            [load_json(path) for path in sorted(flow.glob(place))]
            for place in ("*.json", "transitionRouteGroups/*.json", "pages/*.json")
        )
        of_flow, of_pages = (
            {name for part in parts for name in listed(part.get("transitionRouteGroups"))}
            for parts in (own, pages)
        )
        of_one_page = [group for group in groups if group.get("displayName") in of_pages - of_flow]
        for part in (*own, *groups, *pages):
            is_of_page = part in pages or part in of_one_page
            for route in listed(part.get("transitionRoutes")):
                text = _route_text(route, language)
                if not route.get("intent") or not text:
                    continue
                if is_of_page or route.get("condition") not in (None, "", "true"):
                    dependent += 1
                else:
                    replies.setdefault(route["intent"], text)
    return replies, dependent


def _route_text(route: dict[str, Any], language: str) -> str:
    messages = listed(dig(route, "triggerFulfillment", "messages"))
    messages.sort(key=lambda message: (dig(message, "languageCode") or language) != language)
    texts = (listed(dig(message, "text", "text")) for message in messages)
    return next((str(found[0]) for found in texts if found), "")


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
