"""Read ChatterBot's corpora: YAML with `categories` and `conversations`."""

from __future__ import annotations

from pathlib import Path

import yaml

from data.errors import Problem
from data.formats.document import dropped
from data.rows import Row, Rows
from data.yaml_nodes import compose, fields, items, line_of, text_of


def is_chatterbot(root: yaml.Node | None) -> bool:
    """Whether a YAML file holds conversations in ChatterBot's form."""
    return {"categories", "conversations"} <= set(fields(root))


def read_chatterbot(paths: list[Path], folder: Path | None = None) -> Rows:
    """Read the first sentence of every conversation; the file's first category is the intent."""
    result = Rows()
    answers = unlabelled = 0
    for path in paths:
        root = fields(compose(path))
        name = path.relative_to(folder).as_posix() if folder else ""
        category = text_of(next(iter(items(root["categories"])), None)).strip()
        for conversation in items(root["conversations"]):
            sentences = items(conversation)
            if not sentences or not text_of(sentences[0]).strip():
                reason = "a conversation is a list of sentences, the first is the customer's"
                result.problems.append(Problem(str(path), line_of(conversation), reason))
                continue
            answers += len(sentences) - 1
            unlabelled += not category
            message = text_of(sentences[0]).strip()
            result.rows.append(Row(line_of(sentences[0]), message, category or path.stem, file=name))
    where = str(folder or paths[0])
    why = "they belong to a message, and the bot has one reply per intent: pass replies with --replies"
    dropped(result, where, answers, "answers", why)
    if unlabelled:
        reason = f"{unlabelled:,} conversations have no category: the file's name is the intent"
        result.notices.append(Problem(where, None, reason))
    return result
