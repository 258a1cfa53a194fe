"""Read a corpus folder in its reviewed form: one YAML file per intent, one message per line."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

import yaml

from data.errors import CorpusError, Problem
from data.rows import Row, Rows
from data.yaml_nodes import block_lines, compose_all, fields, items, line_of

FIELDS = ("intent", "category", "description", "reply", "messages")
_NEEDED = ("intent", "messages")
_SUFFIXES = (".yaml", ".yml")
_OTHERS = (
    "rules", "replies", "behaviours", "declared", "domain", "stories", "config", "endpoints", "credentials", "params",
)  # fmt: skip
"""Files beside intents that hold no messages."""
_OF_WINDOWS = ("thumbs.db", "desktop.ini")


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

    The files are those with `.yaml` or `.yml` in `intents`, or in the folder itself if it has no `intents`;
    subfolders are read too.

    Raises: CorpusError: a file does not match FIELDS, or two files define the same intent.
    """
    paths = intent_paths(folder)
    if not paths:
        raise CorpusError.at(folder, None, "no intents: a corpus folder holds intents/<intent>.yaml files")
    files, problems = _read_all(paths)
    if problems:
        raise CorpusError(problems)
    return files


def intent_paths(folder: Path) -> list[Path]:
    """Return the YAML files of a corpus folder's intents; sorted."""
    return [path for path in yaml_paths(folder, visible_files(folder)) if not is_beside(path)]


def visible_files(folder: Path) -> list[Path]:
    """Return the files of a folder and its subfolders that are not hidden, sorted.

    Hidden is also what Windows and Excel put beside files: `Thumbs.db`, `desktop.ini`, `~$book.xlsx` while it is open.
    """
    hidden = (".", "__", "~$")
    return [
        path
        for path in sorted(folder.rglob("*"))
        if path.name.lower() not in _OF_WINDOWS
        and path.is_file()
        and not any(part.startswith(hidden) for part in path.relative_to(folder).parts)
    ]


def yaml_paths(folder: Path, files: Iterable[Path]) -> list[Path]:
    """Return the YAML files among those of a folder: in its folder `intents`, if it has one."""
    within = folder / "intents" if (folder / "intents").is_dir() else folder
    return [path for path in files if path.suffix.lower() in _SUFFIXES and path.is_relative_to(within)]


def is_beside(path: Path) -> bool:
    """Whether a YAML file is by its name about something else than an intent, unless it is in `intents`."""
    return path.parent.name != "intents" and path.stem.lower() in _OTHERS


def is_intent(root: yaml.Node | None) -> bool:
    """Whether a YAML file is an intent's."""
    return set(_NEEDED) <= set(fields(root))


def read_intent_files(paths: list[Path], folder: Path | None = None) -> Rows:
    """Read messages and replies of intent files below `folder`."""
    files, problems = _read_all(paths)
    rows = [
        Row(
            line,
            message,
            file.intent,
            file.category,
            file.path.relative_to(folder).as_posix() if folder else "",
        )
        for file in files
        for line, message in file.messages
    ]
    return Rows(rows, problems, replies={file.intent: file.reply for file in files if file.reply})


def _read_all(paths: list[Path]) -> tuple[list[IntentFile], list[Problem]]:
    files: dict[str, IntentFile] = {}
    problems: list[Problem] = []
    for path in paths:
        try:
            file = _read(path, problems)
        except CorpusError as error:
            problems.extend(error.problems)
            continue
        if other := files.get(file.intent):
            reason = f"intent {file.intent!r} is also in {other.path.name}: one file an intent"
            problems.append(Problem(str(path), None, reason))
        files.setdefault(file.intent, file)
    return list(files.values()), problems


def _read(path: Path, problems: list[Problem]) -> IntentFile:
    documents = compose_all(path)
    if len(documents) > 1:
        reason = f"{len(documents)} documents (`---`): a file holds one intent; make a file of each"
        raise CorpusError.at(path, line_of(documents[1]), reason)
    root = documents[0] if documents else None
    if not isinstance(root, yaml.MappingNode):
        raise CorpusError.at(path, 1, f"a mapping with {', '.join(FIELDS)} is needed")
    nodes: dict[str, yaml.Node] = {}
    for key, value in root.value:
        line = key.start_mark.line + 1
        if key.value not in FIELDS:
            reason = f"unknown field {key.value!r}: the fields are {', '.join(FIELDS)}"
            raise CorpusError.at(path, line, reason)
        nodes[key.value] = value
    for name in _NEEDED:
        if name not in nodes:
            raise CorpusError.at(path, None, f"field {name!r} is missing")
    texts = {name: _scalar(path, name, node) for name, node in nodes.items() if name != "messages"}
    return IntentFile(
        path=path,
        intent=texts["intent"].strip(),
        category=texts.get("category", "").strip(),
        description=texts.get("description", "").strip(),
        reply=texts.get("reply", "").strip(),
        messages=tuple(_messages(path, nodes["messages"], problems)),
    )


def _scalar(path: Path, name: str, node: yaml.Node) -> str:
    if isinstance(node, yaml.ScalarNode):
        return str(node.value)
    raise CorpusError.at(path, line_of(node), f"field {name!r} must be text")


def _messages(path: Path, node: yaml.Node, problems: list[Problem]) -> Iterator[tuple[int, str]]:
    if isinstance(node, yaml.SequenceNode):
        for item in items(node):
            if isinstance(item, yaml.ScalarNode):
                yield line_of(item), str(item.value)
            else:
                reason = "a message must be text: one with `: ` in it needs quotes, or `messages: |` above all of them"
                problems.append(Problem(str(path), line_of(item), reason))
    elif isinstance(node, yaml.ScalarNode) and node.style == "|":
        yield from block_lines(node)
    else:
        reason = "messages must be a block that begins with `messages: |`, one message a line, or a list"
        raise CorpusError.at(path, line_of(node), reason)
