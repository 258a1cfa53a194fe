"""Parse YAML to nodes: they keep line numbers and the literal text of scalars (`no`, `1.0`, `null`)."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path

import yaml
from yaml.reader import ReaderError

from chatbot.documents import fastest_loader
from data.errors import CorpusError
from data.text import read_text


def compose(path: Path) -> yaml.Node | None:
    """Return the root node of a YAML file's first document; None: the file is empty.

    Raises: CorpusError: not YAML; the line is named.
    """
    return next(iter(compose_all(path)), None)


def compose_all(path: Path) -> list[yaml.Node]:
    """Return the root nodes of a YAML file's documents.

    Raises: CorpusError: not YAML; the line is named.
    """
    text = read_text(path)
    try:
        with contextlib.suppress(yaml.YAMLError):  # the other loader's messages are explained below
            return list(yaml.compose_all(text, Loader=fastest_loader(text, yaml.SafeLoader)))
        return list(yaml.compose_all(text, Loader=yaml.SafeLoader))
    except ReaderError as error:
        number = text.count("\n", 0, error.position) + 1
        reason = f"not YAML: the character U+{error.character:04X} has no place in a text: remove it"
        raise CorpusError.at(path, number, reason) from None
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        line = mark.line + 1 if mark else None
        reason = getattr(error, "problem", None) or str(error)
        advice = "; text with `: ` or ` #` in it needs quotes" if "mapping values" in reason else ""
        raise CorpusError.at(path, line, f"not YAML: {reason}{advice}") from None
    except RecursionError:
        raise CorpusError.at(path, None, "not YAML: nested too deeply") from None


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
