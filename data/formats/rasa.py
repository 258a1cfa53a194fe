"""Read Rasa's training data: nlu.yml, and a domain's responses as replies."""

from __future__ import annotations

import json
import re
from collections import Counter
from pathlib import Path

import yaml

from data.errors import Problem
from data.formats.document import INTENTS_ONLY, dropped
from data.rows import Row, Rows
from data.yaml_nodes import block_lines, compose_all, fields, items, line_of, text_of

_ENTITY = re.compile(r"\[([^\[\]]+)\](?:\(([^()]*)\)|\{([^{}]*)\}(?:\[[^\]]*\])?)")
_SPLIT = "train_test_split"
"""The folder into which `rasa data split nlu` writes all examples once more."""
_LISTS = {"synonym": "synonyms", "regex": "regular expressions", "lookup": "lookup tables"}


def is_rasa(root: yaml.Node | None) -> bool:
    """Whether a YAML file is part of a Rasa project: training data, domain, rules or stories."""
    names = fields(root)
    return not names.keys().isdisjoint(("nlu", "rules", "stories", "responses")) or isinstance(
        names.get("intents"), yaml.SequenceNode
    )


def read_rasa(paths: list[Path], folder: Path | None = None) -> Rows:
    """Read the YAML files of a project, each below `folder`: messages without entity marks, replies by intent."""
    result = Rows()
    responses: dict[str, str] = {}
    actions: dict[str, str] = {}
    documents = [(path, fields(document)) for path in paths for document in compose_all(path)]
    split = [path for path in paths if folder and _SPLIT in path.relative_to(folder).parts]
    if any("nlu" in root for path, root in documents if path not in split):
        documents = [(path, root) for path, root in documents if path not in split]
        dropped(
            result, str(folder), len(split), f"files in {_SPLIT}", "they are copies of the other examples"
        )
    for path, root in documents:
        name = path.relative_to(folder).as_posix() if folder else ""
        _read_nlu(path, name, items(root.get("nlu")), result)
        found = _responses(root.get("responses"))
        for response in sorted(found.keys() & responses.keys()):
            if found[response] != responses[response]:
                reason = (
                    f"response {response!r} has another text in a file that is read earlier: this one is used"
                )
                kind = "responses have several texts in several files: the last is used"
                result.notices.append(Problem(str(path), None, reason, kind=kind))
        responses.update(found)
        for kind in ("rules", "stories"):
            for story in items(root.get(kind)):
                _first_answer(fields(story), actions)
    used: set[str] = set()
    for intent in dict.fromkeys([row.intent for row in result.rows]):
        candidates = (actions.get(intent, ""), f"utter_{intent}")
        if response := next((one for one in candidates if one in responses), ""):
            result.replies[intent] = responses[response]
            used.update(candidates)
    where = str(folder or paths[0])
    unused = [response for response in responses if response not in used]
    what = f"responses ({', '.join(unused[:5])})"
    dropped(result, where, len(unused), what, "no intent is answered by them alone")
    return result


def read_responses(domain: yaml.Node | None) -> dict[str, str]:
    """Return the first text without a condition of each response of a domain, by its name (`utter_refund`)."""
    return _responses(fields(domain).get("responses"))


def without_entities(message: str) -> str:
    """Return a message without entity marks: `to [Berlin](city)` and `to [B]{"entity": "city"}` as written."""
    return _ENTITY.sub(_written, message)


def _written(found: re.Match[str]) -> str:
    if found[3] is not None:
        try:
            if "entity" not in json.loads(f"{{{found[3]}}}"):
                return found[0]
        except ValueError:
            return found[0]
    return found[1]


def _read_nlu(path: Path, name: str, sections: list[yaml.Node], result: Rows) -> None:
    others: Counter[str] = Counter()
    for section in sections:
        parts = fields(section)
        examples = parts.get("examples")
        if "intent" not in parts:
            others[next((_LISTS[key] for key in parts if key in _LISTS), "sections of another kind")] += 1
            continue
        intent = text_of(parts["intent"]).strip()
        for line, message in _examples(path, examples, result):
            result.rows.append(Row(line, without_entities(message).strip(), intent, file=name))
    for what, count in others.items():
        dropped(result, str(path), count, what, INTENTS_ONLY)


def _examples(path: Path, node: yaml.Node | None, result: Rows) -> list[tuple[int, str]]:
    if isinstance(node, yaml.ScalarNode):
        if node.style == ">":
            reason = "`examples: >` makes one line of all messages: write `examples: |`"
            result.problems.append(Problem(str(path), line_of(node), reason))
            return []
        found = []
        for line, text in block_lines(node):
            if text.lstrip().startswith("-"):
                found.append((line, text.lstrip()[1:].strip()))
            else:
                reason = f"an example begins with `- `: {text.strip()[:60]!r}"
                result.problems.append(
                    Problem(str(path), line, reason, kind="examples do not begin with `- `")
                )
        return found
    texts = [(line_of(item), fields(item).get("text", item)) for item in items(node)]
    return [(line, text_of(text).strip().removeprefix("- ")) for line, text in texts]


def _responses(node: yaml.Node | None) -> dict[str, str]:
    result: dict[str, str] = {}
    for name, variants in fields(node).items():
        # A variant with a condition is for some customers, one with a channel for one channel, one without a text is a
        # picture or a payload.
        parts = [fields(variant) for variant in items(variants)]
        usual = sorted(
            (part for part in parts if "condition" not in part), key=lambda part: "channel" in part
        )
        texts = [text_of(part.get("text")).strip() for part in usual]
        if text := next(filter(None, texts), ""):
            result[name] = text
    return result


def _first_answer(story: dict[str, yaml.Node], actions: dict[str, str]) -> None:
    """Record the response of a conversation that begins with an intent, in any state and without entities."""
    steps = [fields(step) for step in items(story.get("steps"))]
    if steps and text_of(steps[0].get("action")) == "action_session_start":
        del steps[0]
    if len(steps) < 2 or not {"condition", "conversation_start"}.isdisjoint(story) or "entities" in steps[0]:
        return
    intent, action = text_of(steps[0].get("intent")), text_of(steps[1].get("action"))
    if intent and action.startswith("utter_"):
        actions.setdefault(intent, action)
