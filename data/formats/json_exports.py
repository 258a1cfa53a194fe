"""Read the JSON exports of other products that list messages with their intents."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from chatbot.dialog.message import OUT_OF_SCOPE
from data.errors import Problem
from data.formats.document import INTENTS_ONLY, JsonDocument, dig, dropped, listed, rows_of
from data.formats.lex import is_lex, read_lex
from data.formats.rasa import without_entities
from data.formats.snips import is_snips, read_snips
from data.rows import Rows

_LUIS_ENTITIES = (
    "entities", "closedLists", "composites", "hierarchicals", "patternAnyEntities", "regex_entities",
    "prebuiltEntities", "phraselists",
)  # fmt: skip
_CONDITION = re.compile(r"\s*#([\w.-]+)\s*")


def _is_rasa_json(document: JsonDocument) -> bool:
    """Whether the document is Rasa's JSON training data."""
    return "rasa_nlu_data" in document


def _read_rasa_json(document: JsonDocument, file: str) -> Rows:
    """Read the common examples."""
    content = document["rasa_nlu_data"]
    result = _of_texts(content.get("common_examples"), file)
    for key, what in (
        ("entity_synonyms", "synonyms"),
        ("regex_features", "regular expressions"),
        ("lookup_tables", "lookup tables"),
    ):
        dropped(result, file, len(listed(content.get(key))), what, INTENTS_ONLY)
    return result


def _is_luis(document: JsonDocument) -> bool:
    """Whether the document is Microsoft's: a LUIS application (`luis_schema_version`) or a CLU project (`assets`)."""
    return "luis_schema_version" in document or dig(document, "assets", "utterances") is not None


def _read_luis(document: JsonDocument, file: str) -> Rows:
    """Read the utterances; the intent `None` becomes out of scope by its name, patterns are not messages."""
    content = document.get("assets", document)
    result = _of_texts(content.get("utterances"), file)
    known = {row.intent for row in result.rows}
    names = [intent.get("name") or intent.get("category") for intent in listed(content.get("intents"))]
    dropped(result, file, len(listed(content.get("patterns"))), "patterns", "a pattern is not a message")
    entities = sum(len(listed(content.get(name))) for name in _LUIS_ENTITIES)
    dropped(result, file, entities, "entities", INTENTS_ONLY)
    silent = sum(name not in known for name in names)
    dropped(result, file, silent, "intents without an utterance", "nothing to learn")
    return result


def _is_wit(document: JsonDocument) -> bool:
    """Whether the document is a list of Wit.ai's utterances."""
    utterances = document.get("utterances")
    return isinstance(utterances, list) and all("text" in u and "entities" in u for u in utterances)


def _read_wit(document: JsonDocument, file: str) -> Rows:
    """Read the utterances; one without an intent is left out."""
    utterances = document["utterances"]
    labelled = [u for u in utterances if u.get("intent")]
    result = rows_of(((u["text"], u["intent"]) for u in labelled), file)
    dropped(result, file, len(utterances) - len(labelled), "utterances without an intent", "nothing to learn")
    return result


def _is_clinc(document: JsonDocument) -> bool:
    """Whether every value is a list of pairs."""
    return bool(document) and all(
        isinstance(part, list) and all(isinstance(pair, list) and len(pair) == 2 for pair in part)
        for part in document.values()
    )


def _read_clinc(document: JsonDocument, file: str) -> Rows:
    """Read all parts as one corpus, which is split again."""
    result = rows_of(((pair[0], pair[1]) for part in document.values() for pair in part), file)
    if len(document) > 1:
        parts = ", ".join(f"{name} ({len(part):,})" for name, part in document.items())
        reason = f"all parts are read as one corpus and split again: {parts}"
        result.notices.append(Problem(file, None, reason))
    return result


def _is_botpress(document: JsonDocument) -> bool:
    """Whether the document has a name and messages by language."""
    name, messages, _ = _botpress_parts(document)
    return (
        isinstance(name, str)
        and isinstance(messages, dict)
        and all(isinstance(texts, list) for texts in messages.values())
    )


def _read_botpress(document: JsonDocument, file: str) -> Rows:
    """Read the messages in English, else in the first language; the first answer is the intent's reply."""
    name, messages, answers = _botpress_parts(document)
    filled = [language for language in messages if messages[language]]
    chosen = next((language for language in filled if language.startswith("en")), (filled or [""])[0])
    texts = [without_entities(m) if isinstance(m, str) else m for m in messages.get(chosen, [])]
    result = rows_of(((text, name) for text in texts), file)
    if replies := listed(answers.get(chosen) if isinstance(answers, dict) else None):
        result.replies[name] = replies[0]
    others = sum(len(messages[language]) for language in filled if language != chosen)
    dropped(result, file, others, "messages in other languages", f"the bot has one language, here {chosen}")
    dropped(result, file, not texts, "intents without a message", "nothing to learn")
    return result


def _botpress_parts(document: JsonDocument) -> tuple[Any, Any, Any]:
    """Return name, messages and answers."""
    data = document.get("data")
    if isinstance(data, dict) and "questions" in data:
        return document.get("id"), data["questions"], data.get("answers")
    return document.get("name"), document.get("utterances"), None


def _is_watson(document: JsonDocument) -> bool:
    """Whether the document is a skill: intents with examples."""
    intents = document.get("intents")
    if isinstance(document.get("workspace"), dict) or _watson_skills(document):
        return True
    return isinstance(intents, list) and any(
        isinstance(i, dict) and "intent" in i and "examples" in i for i in intents
    )


def _read_watson(document: JsonDocument, file: str) -> Rows:
    """Read examples, counterexamples as out of scope, and the text of dialog nodes with one intent as condition."""
    if skills := _watson_skills(document):
        result = Rows()
        for one in skills:
            result.extend(_read_watson(one, file))
        return result
    skill = document.get("workspace") if isinstance(document.get("workspace"), dict) else document
    titles = {dig(one, "condition", "intent"): one.get("title") for one in listed(skill.get("actions"))}
    examples = [
        (example.get("text"), titles.get(intent["intent"]) or intent["intent"])
        for intent in listed(skill.get("intents"))
        for example in listed(intent.get("examples"))
    ]
    counter = [(example.get("text"), OUT_OF_SCOPE) for example in listed(skill.get("counterexamples"))]
    result = rows_of([*examples, *counter], file)
    for action in listed(skill.get("actions")):
        intent = titles.get(dig(action, "condition", "intent")) or dig(action, "condition", "intent")
        if isinstance(intent, str) and (text := _text_of_action(action)):
            result.replies.setdefault(intent, text)
    others = 0
    nodes = {node.get("dialog_node"): node for node in listed(skill.get("dialog_nodes"))}
    for node in listed(skill.get("dialog_nodes")):
        condition = _CONDITION.fullmatch(str(node.get("conditions") or ""))
        text = _text_of_node(node.get("output") or {})
        if condition and text and _is_always_reached(node, nodes):
            result.replies.setdefault(condition[1], text)
        elif text:
            others += 1
    why = "their condition is not a single intent, or they are disabled or follow another node"
    dropped(result, file, others, "texts of dialog nodes", why)
    dropped(result, file, len(listed(skill.get("entities"))), "entities", INTENTS_ONLY)
    return result


def _watson_skills(document: JsonDocument) -> list[dict[str, Any]]:
    """Return the skills of an assistant's export, each with its workspace."""
    skills = document.get("assistant_skills", document.get("skills"))
    return [one for one in listed(skills) if isinstance(one.get("workspace"), dict)]


def _is_always_reached(node: dict[str, Any], nodes: dict[str | None, dict[str, Any]]) -> bool:
    """Whether a node is tried for every message: it is enabled, and in nothing but folders without a condition."""
    seen: list[dict[str, Any]] = []
    while node.get("parent") and node not in seen:
        seen.append(node)
        node = nodes.get(node["parent"], {})
        if node.get("type") != "folder" or node.get("conditions"):
            return False
    return not any(one.get("disabled") for one in (node, *seen))


def _text_of_node(output: dict[str, Any]) -> str:
    for part in listed(output.get("generic")):
        if part.get("response_type") == "text" and listed(part.get("values")):
            return str(part["values"][0].get("text", "")).strip()
    text = output.get("text")
    text = next(iter(listed(dig(text, "values"))), "") if isinstance(text, dict) else text
    return text.strip() if isinstance(text, str) else ""


def _text_of_action(action: dict[str, Any]) -> str:
    """Return what an action says first, if it says it whatever the customer answers; empty: it asks or calculates."""
    first: dict[str, Any] = next(iter(listed(action.get("steps"))), {})
    if first.get("condition") or first.get("question"):
        return ""
    for part in listed(dig(first, "output", "generic")):
        words = listed(dig(next(iter(listed(part.get("values"))), None), "text_expression", "concat"))
        if (
            part.get("response_type") == "text"
            and words
            and all(isinstance(w.get("scalar"), str) for w in words)
        ):
            return "".join(word["scalar"] for word in words).strip()
    return ""


def _of_texts(messages: object, file: str) -> Rows:
    return rows_of(((one.get("text"), one.get("intent")) for one in listed(messages)), file)


EXPORTS: tuple[tuple[str, Callable[[JsonDocument], bool], Callable[[JsonDocument, str], Rows]], ...] = (
    ("Rasa", _is_rasa_json, _read_rasa_json),
    ("LUIS or CLU", _is_luis, _read_luis),
    ("Watson Assistant", _is_watson, _read_watson),
    ("Lex V1 or Alexa", is_lex, read_lex),
    ("SNIPS", is_snips, read_snips),
    ("Wit.ai", _is_wit, _read_wit),
    ("Botpress", _is_botpress, _read_botpress),
    ("CLINC150", _is_clinc, _read_clinc),
)
"""Product, whether a document is its export, and its reader; the first that fits."""
