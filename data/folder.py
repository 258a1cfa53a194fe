"""Read a corpus folder in its reviewed form: one YAML file per intent, one message per line."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import yaml
from yaml.reader import ReaderError

from data.errors import CorpusError, Problem
from data.readers import Row, Rows, read_text

FIELDS = ("intent", "category", "description", "reply", "messages")
_NEEDED = ("intent", "messages")


@dataclass(frozen=True, slots=True)
class IntentFile:
    """Content of one intent's file."""

    path: Path
    intent: str
    category: str
    description: str
    reply: str
    """With slots such as `{support_email}`; empty for `out_of_scope`."""
    messages: tuple[tuple[int, str], ...]
    """Each message with its line in the file."""


def read_intents(folder: Path) -> list[IntentFile]:
    """Read every intent of a corpus folder, sorted by file name.

    The files are `intents/*.yaml`, or `*.yaml` if there is no folder `intents`.

    Raises:
        CorpusError: a file does not match FIELDS, or two files define the same intent.
    """
    files, problems = _read_all(folder)
    if problems:
        raise CorpusError(problems)
    return files


def read_folder(folder: Path) -> Rows:
    """Read the messages of a corpus folder."""
    files, problems = _read_all(folder)
    rows = [
        Row(line, message, file.intent, file.category, file.path.relative_to(folder).as_posix())
        for file in files
        for line, message in file.messages
    ]
    return Rows(rows, problems)


def _read_all(folder: Path) -> tuple[list[IntentFile], list[Problem]]:
    within = folder / "intents" if (folder / "intents").is_dir() else folder
    paths = sorted(within.glob("*.yaml"))
    if not paths:
        reason = "no intents: a corpus folder holds intents/<intent>.yaml files"
        raise CorpusError([Problem(str(folder), None, reason)])
    files: list[IntentFile] = []
    problems: list[Problem] = []
    for path in paths:
        try:
            file = _read(path)
        except CorpusError as error:
            problems.extend(error.problems)
            continue
        for other in files:
            if other.intent == file.intent:
                reason = f"intent {file.intent!r} is also in {other.path.name}: one file an intent"
                problems.append(Problem(str(path), None, reason))
        files.append(file)
    return files, problems


def _read(path: Path) -> IntentFile:
    text = read_text(path)
    try:
        # compose, not load: nodes have line numbers, and a scalar keeps its literal text ("no").
        root = yaml.compose(text, Loader=yaml.SafeLoader)
    except ReaderError as error:
        number = text.count("\n", 0, error.position) + 1
        reason = f"not YAML: the character U+{error.character:04X} has no place in a text: remove it"
        raise CorpusError([Problem(str(path), number, reason)]) from None
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        line = mark.line + 1 if mark else None
        reason = getattr(error, "problem", None) or str(error)
        raise CorpusError([Problem(str(path), line, f"not YAML: {reason}")]) from None
    if not isinstance(root, yaml.MappingNode):
        raise CorpusError([Problem(str(path), 1, f"a mapping with {', '.join(FIELDS)} is needed")])
    nodes: dict[str, yaml.Node] = {}
    for key, value in root.value:
        line = key.start_mark.line + 1
        if key.value not in FIELDS:
            reason = f"unknown field {key.value!r}: the fields are {', '.join(FIELDS)}"
            raise CorpusError([Problem(str(path), line, reason)])
        if key.value in nodes:
            raise CorpusError([Problem(str(path), line, f"field {key.value!r} is there twice")])
        nodes[key.value] = value
    for name in _NEEDED:
        if name not in nodes:
            raise CorpusError([Problem(str(path), None, f"field {name!r} is missing")])
    texts = {name: _scalar(path, name, node) for name, node in nodes.items() if name != "messages"}
    return IntentFile(
        path=path,
        intent=texts["intent"].strip(),
        category=texts.get("category", "").strip(),
        description=texts.get("description", "").strip(),
        reply=texts.get("reply", "").strip(),
        messages=tuple(_messages(path, nodes["messages"])),
    )


def _scalar(path: Path, name: str, node: yaml.Node) -> str:
    if isinstance(node, yaml.ScalarNode):
        return str(node.value)
    raise CorpusError([Problem(str(path), node.start_mark.line + 1, f"field {name!r} must be text")])


def _messages(path: Path, node: yaml.Node) -> Iterator[tuple[int, str]]:
    line = node.start_mark.line + 1
    if isinstance(node, yaml.SequenceNode):
        for item in node.value:
            yield item.start_mark.line + 1, _scalar(path, "messages", item)
    elif isinstance(node, yaml.ScalarNode) and node.style == "|":
        for number, message in enumerate(node.value.split("\n"), start=line + 1):
            if message.strip():
                yield number, message
    else:
        reason = "messages must be a block that begins with `messages: |`, one message a line, or a list"
        raise CorpusError([Problem(str(path), line, reason)])
