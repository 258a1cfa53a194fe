"""Read replies: YAML, a Rasa domain, a table, or those of a corpus of any format."""

from __future__ import annotations

import difflib
import re
from collections.abc import Collection, Mapping
from pathlib import Path

import yaml

from chatbot.dialog.message import OUT_OF_SCOPE
from chatbot.dialog.replies import Replies, ReplyText, placeholder_of, slots_of
from chatbot.errors import ChatbotError
from chatbot.settings import SlotSettings
from data.columns import INTENT_NAMES, REPLY_NAMES, Columns
from data.errors import CorpusError, Problem
from data.folder import intent_paths, is_intent, read_intents
from data.formats.json_text import load_json
from data.formats.rasa import read_responses
from data.formats.sniff import FILES, JSON, YAML, read_source
from data.labels import label_key
from data.messages import NO_MESSAGE
from data.yaml_nodes import compose, compose_first, fields

_TEXT_NAMES = (*REPLY_NAMES, "text", "message")
_UTTER = "utter_"
_VARIABLE = re.compile(
    r"""
    (?<![\w/])[$@][A-Za-z_](?:[\w.-]*\w)?     # $session.params.order, @sys.date; not $5, a@b.com
    | (?<![\w/])\#[A-Za-z][\w-]*\.\w+         # #context.field; not #1, #sale
    | [$#]\{[^{}]*\} | \{\{[^{}]*\}\} | \{%[^{}]*\}
    | <[?%][^<>]{0,60}>?
    | \[(?:[A-Z][A-Z\d _-]+ | [A-Z]\w*(?:[ ][A-Z]\w*)+ | [a-z]+(?:_[a-z]+)+)\](?!\()
    | (?<!\d)%(?:\d\$|\(\w+\))?[sd]\b | (?<!\d)%[A-Za-z_]{3,}%
    """,
    re.VERBOSE,
)
"""A variable as other products write it."""


def read_replies(source: Path) -> dict[str, ReplyText]:
    """Read reply texts by intent.

    Args:
        source: a YAML or JSON file (`intent: text`, or the fields of ReplyText), a Rasa domain, a table with the
            columns intent and reply, or a corpus with replies (a folder, an export).

    Raises: ChatbotError: the file holds no replies; the message says why.
    """
    if source.is_dir():
        return read_folder_replies(source)
    if not source.exists():
        raise CorpusError.at(source, None, "no such file: replies are a file or a corpus with replies")
    suffix = source.suffix.lower()
    if suffix in YAML:
        root = compose(source)
        if "responses" in fields(root):
            return {
                name.removeprefix(_UTTER): ReplyText(response=text)
                for name, text in read_responses(root).items()
            }
        if is_intent(root):
            return _texts(read_source(source).replies)
        if isinstance(root, yaml.SequenceNode):
            reason = "a list is not replies: write `intent: text`; rules are passed with --rules"
            raise CorpusError.at(source, 1, reason)
        return dict(Replies.load(source).texts)
    if suffix == ".json":
        load_json(source)  # names a key that occurs twice, of which `Replies.load` would keep the last
        replies = dict(read_source(source).replies) if _is_export(source) else {}
        return _texts(replies) if replies else dict(Replies.load(source).texts)
    if suffix in FILES or suffix in JSON:
        return _texts(_of_table(source))
    replies = read_source(source).replies
    if not replies:
        raise CorpusError.at(source, None, "no replies: a file of `intent: text` (YAML) or a table is needed")
    return _texts(replies)


def read_folder_replies(folder: Path) -> dict[str, ReplyText]:
    """Read the replies of a corpus folder: the project's form with categories and descriptions, or any other."""
    beside = [folder / f"replies{suffix}" for suffix in YAML if (folder / f"replies{suffix}").is_file()]
    texts = _beside(beside[0]) if beside else {}
    if not _is_own_form(folder):
        return {**texts, **_texts(read_source(folder, arrays=True).replies)}
    own = {
        file.intent: ReplyText(response=file.reply, category=file.category, description=file.description)
        for file in read_intents(folder)
        if file.reply
    }
    return {**texts, **own}


def _beside(file: Path) -> dict[str, ReplyText]:
    compose(file)  # names a key that occurs twice, of which `Replies.load` would keep the last
    return dict(Replies.load(file).texts)


def own_replies(corpus: Path, found: Mapping[str, str]) -> tuple[dict[str, ReplyText], list[Problem]]:
    """Return a corpus's own replies.

    Args: found: what was read together with the corpus.

    Returns: The replies, and a notice for each that is left out: it has another product's placeholder or variable.
    """
    own_form = corpus.is_dir() and _is_own_form(corpus)
    texts = read_folder_replies(corpus) if own_form else _texts(found)
    keys = {label_key(intent): intent for intent in found}
    texts = {keys.get(label_key(intent), intent): text for intent, text in texts.items()}
    slots = set(SlotSettings().values())
    kept: dict[str, ReplyText] = {}
    notices: list[Problem] = []
    for intent, text in texts.items():
        unknown = [] if own_form else [f"{{{slot}}}" for slot in sorted(slots_of(text.response) - slots)]
        variable = None if own_form else _VARIABLE.search(text.response)
        found_names = [variable[0]] if variable else unknown
        if placeholder := placeholder_of(text.response) or next(iter(found_names), None):
            reason = f"the reply of {intent!r} is not used: the bot cannot fill {placeholder}; pass one with --replies"
            kind = "replies are not used: the bot cannot fill their placeholders"
            notices.append(Problem(corpus.name, None, reason, kind=kind))
        else:
            kept[intent] = text
    return kept, notices


def match_replies(
    texts: Mapping[str, ReplyText], intents: Collection[str], source: str
) -> tuple[dict[str, ReplyText], list[Problem]]:
    """Assign replies to intents: by name, else by the name's other spellings.

    Returns: The replies by intent, and a notice for each reply without an intent, with the closest name.
    """
    by_key = {label_key(intent): intent for intent in intents}
    matched: dict[str, ReplyText] = {}
    notices: list[Problem] = []
    for name, text in texts.items():
        intent = name if name in intents else by_key.get(label_key(name))
        if intent is None:
            if name != OUT_OF_SCOPE:
                notices.append(
                    Problem(
                        source, None, _no_intent(name, by_key), kind="replies have no intent in this corpus"
                    )
                )
            continue
        if intent in matched and matched[intent].response != text.response:
            used = f"that of {intent!r}" if intent in texts else "the first"
            reason = f"intent {intent!r} has two replies, of two spellings of its name: {used} is used"
            notices.append(Problem(source, None, reason, kind="intents have two replies"))
        if intent not in matched or name == intent:
            matched[intent] = text
    return matched, notices


def _is_own_form(folder: Path) -> bool:
    paths = intent_paths(folder)
    return bool(paths) and all(is_intent(compose_first(path)) for path in paths)


def _no_intent(name: str, by_key: Mapping[str, str]) -> str:
    close = difflib.get_close_matches(label_key(name), list(by_key), n=1, cutoff=0.5)
    closest = f"; the closest name is {by_key[close[0]]!r}" if close else ""
    return f"reply {name!r} has no intent in this corpus{closest}"


def _texts(replies: Mapping[str, str]) -> dict[str, ReplyText]:
    return {intent: ReplyText(response=text) for intent, text in replies.items()}


def _is_export(source: Path) -> bool:
    try:
        return bool(read_source(source).rows)
    except ChatbotError:
        return False


def _of_table(source: Path) -> dict[str, str]:
    """Read a table in which the reply is the text: every intent has one."""
    columns = ""
    for name in _TEXT_NAMES:
        try:
            rows = read_source(source, Columns(message=name, labels_as_written=True))
        except CorpusError as error:
            columns = str(error).partition("the columns are: ")[2].partition(". Name")[0]
            continue
        if wrong := [problem for problem in rows.problems if problem.reason != NO_MESSAGE]:
            raise CorpusError(wrong)
        replies: dict[str, str] = {}
        problems: list[Problem] = []
        for row in rows.rows:
            intent, text = row.intent.strip(), row.message.strip()
            if replies.setdefault(intent, text) != text:
                reason = f"intent {intent!r} has a second reply: an intent has one"
                problems.append(Problem(str(source), row.line, reason, kind="intents have a second reply"))
        if problems:
            raise CorpusError(problems)
        return {intent: text for intent, text in replies.items() if text}
    reason = (
        "no columns with replies: a table of replies has `intent` and `reply`. Accepted headers: of the intent "
        f"{', '.join(INTENT_NAMES)}; of the reply {', '.join(_TEXT_NAMES)}"
    )
    raise CorpusError.at(source, 1, f"{reason}; its columns are: {columns}")
