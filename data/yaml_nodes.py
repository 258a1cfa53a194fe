"""Parse YAML to nodes: they keep line numbers and the literal text of scalars (`no`, `1.0`, `null`)."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import yaml
from yaml.reader import ReaderError

from chatbot.documents import parse_fast
from data.errors import CorpusError, Problem
from data.text import read_text

_MERGE = "<<"
"""Takes over another mapping's keys; it may occur twice."""


def compose(path: Path) -> yaml.Node | None:
    """Return the root node of a YAML file; None: the file is empty.

    Raises: CorpusError: not YAML, a key twice, or several documents; the line is named.
    """
    documents = [node for node in compose_all(path) if not _is_nothing(node)]
    if len(documents) > 1:
        reason = f"{len(documents)} documents (`---`), of which one is read: make a file of each"
        raise CorpusError.at(path, line_of(documents[1]), reason)
    return next(iter(documents), None)


def compose_first(path: Path) -> yaml.Node | None:
    """Return the root node of a YAML file's first document, by which its form is recognized; None: it is empty."""
    return next(iter(compose_all(path)), None)


def compose_all(path: Path) -> list[yaml.Node]:
    """Return the root nodes of a YAML file's documents; see `parse_nodes`."""
    return parse_nodes(read_text(path), str(path))


def parse_nodes(text: str, file: str) -> list[yaml.Node]:
    """Return the root nodes of the documents in a text.

    Raises: CorpusError: not YAML, or a mapping has a key twice, of which a parser keeps the last; each line is named.
    """
    documents = _parsed(text, file)
    if twins := list(_twins(documents, file)):
        raise CorpusError(twins)
    return documents


def _parsed(text: str, file: str) -> list[yaml.Node]:
    try:
        return parse_fast(lambda text, loader: list(yaml.compose_all(text, loader)), text, yaml.SafeLoader)
    except ReaderError as error:
        number = text.count("\n", 0, error.position) + 1
        reason = f"not YAML: the character U+{error.character:04X} has no place in a text: remove it"
        raise CorpusError.at(file, number, reason) from None
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        line = mark.line + 1 if mark else None
        reason = getattr(error, "problem", None) or str(error)
        advice = "; text with `: ` or ` #` in it needs quotes" if "mapping values" in reason else ""
        raise CorpusError.at(file, line, f"not YAML: {reason}{advice}") from None
    except RecursionError:
        raise CorpusError.at(file, None, "not YAML: nested too deeply") from None


def _is_nothing(node: yaml.Node) -> bool:
    """Whether a document is empty, as behind a last `---`."""
    return isinstance(node, yaml.ScalarNode) and not node.value


def _twins(documents: list[yaml.Node], file: str) -> Iterator[Problem]:
    """Yield a problem for each key that a mapping has twice."""
    left, seen = list(documents), set()
    while left:
        node = left.pop()
        if id(node) in seen or isinstance(node, yaml.ScalarNode):
            continue  # an alias is the node that it names
        seen.add(id(node))
        if isinstance(node, yaml.MappingNode):
            lines: dict[str, int] = {}
            for key, value in node.value:
                left.append(value)
                if not isinstance(key, yaml.ScalarNode) or key.value == _MERGE:
                    continue
                if first := lines.get(key.value):
                    reason = (
                        f"the key {key.value!r} occurs twice in one mapping, first in line {first}: only the last one "
                        "would count, so nothing of the file is read; write both as one, or delete one"
                    )
                    yield Problem(file, line_of(key), reason, kind="keys occur twice in one mapping")
                lines.setdefault(key.value, line_of(key))
        else:
            left.extend(node.value)


def fields(node: yaml.Node | None) -> dict[str, yaml.Node]:
    """Return a mapping's values by key; empty for anything else."""
    if not isinstance(node, yaml.MappingNode):
        return {}
    return {str(key.value): value for key, value in node.value if isinstance(key, yaml.ScalarNode)}


def items(node: yaml.Node | None) -> list[yaml.Node]:
    """Return a sequence's items; empty for anything else."""
    return list(node.value) if isinstance(node, yaml.SequenceNode) else []


def text_of(node: yaml.Node | None) -> str:
    """Return a scalar's literal text; empty for anything else."""
    return str(node.value) if isinstance(node, yaml.ScalarNode) else ""


def line_of(node: yaml.Node) -> int:
    """Return a node's first line, counted from 1."""
    return int(node.start_mark.line) + 1


def block_lines(node: yaml.ScalarNode) -> Iterator[tuple[int, str]]:
    """Return the non-empty lines of a literal block (`|`), each with its line."""
    for number, text in enumerate(node.value.split("\n"), start=line_of(node) + 1):
        if text.strip():
            yield number, text
