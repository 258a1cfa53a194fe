"""Read Dialogflow's exports: ES agents, and CX agents in the JSON package format."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from chatbot.dialog.message import OUT_OF_SCOPE
from data.formats.document import INTENTS_ONLY, dropped, listed, rows_of
from data.formats.json_text import load_json
from data.rows import Rows


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
    return _read_cx(folder, language) if is_cx else _read_es(folder, language)


def _read_es(folder: Path, language: str) -> Rows:
    messages: list[tuple[object, object]] = []
    replies: dict[str, str] = {}
    silent = others = 0
    for path in sorted(folder.glob("intents/*.json")):
        if "_usersays_" in path.stem:
            continue
        intent: dict[str, Any] = load_json(path)
        name = str(intent.get("name") or path.stem)
        name = OUT_OF_SCOPE if intent.get("fallbackIntent") else name
        files = sorted(folder.glob(f"intents/{_literal(path.stem)}_usersays_*.json"))
        chosen = next(
            (f for f in files if f.stem.endswith(f"_usersays_{language}")), files[0] if files else None
        )
        phrases = listed(load_json(chosen)) if chosen else listed(intent.get("userSays"))
        others += max(0, len(files) - 1)
        silent += not phrases
        messages.extend((_text(phrase.get("data")), name) for phrase in phrases)
        if name != OUT_OF_SCOPE and (text := _es_reply(intent, language)):
            replies[name] = text
    result = rows_of(messages, str(folder))
    result.replies = replies
    _tell(result, folder, silent, others, language)
    entities = [path for path in folder.glob("entities/*.json") if "_entries_" not in path.stem]
    dropped(result, str(folder), len(entities), "entities", INTENTS_ONLY)
    return result


def _read_cx(folder: Path, language: str) -> Rows:
    messages: list[tuple[object, object]] = []
    fallbacks: set[str] = set()
    silent = others = 0
    for path in sorted(folder.glob("intents/*/*.json")):
        intent: dict[str, Any] = load_json(path)
        name = str(intent.get("displayName") or path.parent.name)
        if intent.get("isFallback"):
            fallbacks.add(name)
        files = sorted((path.parent / "trainingPhrases").glob("*.json"))
        chosen = next((f for f in files if f.stem == language), files[0] if files else None)
        phrases = (
            listed(load_json(chosen).get("trainingPhrases"))
            if chosen
            else listed(intent.get("trainingPhrases"))
        )
        others += max(0, len(files) - 1)
        silent += not phrases
        label = OUT_OF_SCOPE if name in fallbacks else name
        messages.extend((_text(phrase.get("parts")), label) for phrase in phrases)
    result = rows_of(messages, str(folder))
    for path in sorted([*folder.glob("flows/*/*.json"), *folder.glob("flows/*/pages/*.json")]):
        for route in listed(load_json(path).get("transitionRoutes")):
            for message in listed((route.get("triggerFulfillment") or {}).get("messages")):
                texts = listed((message.get("text") or {}).get("text"))
                if route.get("intent") and texts and route["intent"] not in fallbacks:
                    result.replies.setdefault(route["intent"], str(texts[0]))
    _tell(result, folder, silent, others, language)
    entities = len(list(folder.glob("entityTypes/*")))
    dropped(result, str(folder), entities, "entity types", INTENTS_ONLY)
    return result


def _tell(result: Rows, folder: Path, silent: int, others: int, language: str) -> None:
    dropped(result, str(folder), silent, "intents without a training phrase", "nothing to learn")
    why = f"the bot has one language, the agent's own: {language or 'the first'}"
    dropped(result, str(folder), others, "files of phrases in other languages", why)


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
