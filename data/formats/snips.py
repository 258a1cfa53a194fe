"""Read SNIPS: the NLU dataset (JSON or YAML) and the benchmark's files (`train_<Intent>_full.json`)."""

from __future__ import annotations

import re
from pathlib import Path

import yaml

from data.formats.document import INTENTS_ONLY, JsonDocument, dropped, listed, rows_of
from data.rows import Row, Rows
from data.yaml_nodes import compose_all, fields, items, line_of, text_of

_SLOT = re.compile(r"\[([^\]]*)\]\(([^)]*)\)")


def is_snips(document: JsonDocument) -> bool:
    """Whether the document maps intents to utterances that are made of text parts."""
    return bool(_intents(document))


def read_snips(document: JsonDocument, file: str) -> Rows:
    """Read the utterances, each joined from its parts."""
    intents = _intents(document)
    utterances = (
        ("".join(str(part["text"]) for part in utterance["data"]), intent)
        for intent, content in intents.items()
        for utterance in content
    )
    result = rows_of(utterances, file)
    entities = len(document.get("entities") or {}) if "intents" in document else 0
    dropped(result, file, entities, "entities", INTENTS_ONLY)
    return result


def is_snips_yaml(root: yaml.Node | None) -> bool:
    """Whether a YAML file is an intent or an entity of a SNIPS dataset."""
    return text_of(fields(root).get("type")) in ("intent", "entity")


def read_snips_yaml(paths: list[Path], folder: Path | None) -> Rows:
    """Read the utterances of YAML files, without their slots: `on in the [room](kitchen)`."""
    result, entities = Rows(), 0
    for path in paths:
        for document in compose_all(path):
            parts = fields(document)
            entities += text_of(parts.get("type")) == "entity"
            for item in items(parts.get("utterances")):
                message = _SLOT.sub(lambda slot: slot[2], text_of(item))
                name = path.relative_to(folder).as_posix() if folder else ""
                result.rows.append(Row(line_of(item), message, text_of(parts.get("name")), file=name))
    dropped(result, str(folder or paths[0]), entities, "entities", INTENTS_ONLY)
    return result


def _intents(document: JsonDocument) -> dict[str, list[JsonDocument]]:
    intents = document.get("intents", document)
    if not isinstance(intents, dict):
        return {}
    found = {
        name: content["utterances"] if isinstance(content, dict) and "utterances" in content else content
        for name, content in intents.items()
    }
    return {
        name: content
        for name, content in found.items()
        if listed(content) and all(isinstance(u, dict) and isinstance(u.get("data"), list) for u in content)
    }
