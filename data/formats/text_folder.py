"""Read a folder of plain text files, one message per line, whose names or folders are the intents.

`.intent` files of OVOS, Mycroft and Padatious hold templates: `(show|tell) me [the] {topic}`.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator
from functools import partial
from pathlib import Path

from chatbot.dialog.replies import PLACEHOLDER
from data.columns import NAMES
from data.errors import CorpusError, Problem
from data.formats.document import dropped
from data.rows import Row, Rows
from data.text import decode, lines_of, read_lines

_PART = re.compile(r"(train|test|dev|valid|validation|heldout|testtrain)[\d_-]*", re.IGNORECASE)
_PROSE = frozenset(
    ["readme", "license", "licence", "notice", "requirements", "copying", "authors", "changelog"]
)
_NOT_INTENTS = frozenset(NAMES["not_intents"])
"""Words of files and sheets that say when or how they were exported."""
_ENTITY = re.compile(r"\{([^{}|]+)\|[^{}]*\}")
_SUFFIXES = (".txt", ".intent")
_PACKAGE = (".egg-info", ".dist-info")
_LOCALE = re.compile(r"[a-z]{2,3}[-_][a-z]{2}", re.IGNORECASE)
_CHOICE = re.compile(r"\(([^()\[\]]*)\)|\[([^()\[\]]*)\]")
_SLOT = re.compile(r"(?<!\{)\{(\w+)\}(?!\})")
_MOST_NESTED = 20
_MOST_VARIANTS = 5
"""Most messages made of one template: further ones differ in a word and add no evidence."""


def text_paths(folder: Path, files: Iterable[Path]) -> list[Path]:
    """Return the files of messages: `<intent>.txt`, or `<intent>/train.txt` (MindMeld: below `domains`)."""
    within = folder / "domains" if (folder / "domains").is_dir() else folder
    return [
        path
        for path in files
        if path.suffix.lower() in _SUFFIXES
        and path.is_relative_to(within)
        and path.stem.casefold() not in _PROSE
        and not any(part.name.endswith(_PACKAGE) for part in path.parents)
    ]


def is_text_folder(folder: Path, paths: list[Path]) -> bool:
    """Whether the text files name at least two intents."""
    return len({intent_of(path, folder) for path in paths} - {""}) > 1


def read_text_folder(folder: Path, paths: list[Path], encoding: str | None = None) -> Rows:
    """Read the messages; of a mark such as `{Elm Street|store_name}` (MindMeld) the text remains."""
    result = Rows()
    paths = _in_one_language(result, folder, paths)
    counts: Counter[str] = Counter()
    repeated = 0
    seen: set[tuple[str, str]] = set()
    for path in paths:
        intent = intent_of(path, folder)
        if not intent:
            reason = "not read: neither the file name nor a folder name identifies an intent"
            result.notices.append(Problem(str(path), None, reason))
            continue
        text, notices = decode(read_lines(path), str(path), encoding)
        result.notices.extend(notices)
        name = path.relative_to(folder).as_posix()
        is_template = path.suffix.lower() == ".intent"
        entities = _entities(path.parent, folder) if is_template else {}
        for line, message in _messages(text, str(path), is_template, entities):
            if (message, intent) in seen and (is_template or _PART.fullmatch(path.stem)):
                repeated += 1  # the parts of one corpus often overlap
                continue
            seen.add((message, intent))
            counts[intent] += 1
            result.rows.append(Row(line, message, intent, file=name))
    names = ", ".join(f"{intent} ({count:,})" for intent, count in counts.most_common(20))
    reason = f"text files with one message per line; the intents are the names of files or folders: {names}"
    result.notices.append(Problem(str(folder), None, reason))
    dropped(result, str(folder), repeated, "lines", "they are repeated in another part of the same intent")
    return result


def _in_one_language(result: Rows, folder: Path, paths: list[Path]) -> list[Path]:
    """Return the files without templates of other languages (`locale/de-de/`): English is kept, else the first."""
    locales = {path: _locale(path, folder) for path in paths if path.suffix.lower() == ".intent"}
    languages = sorted(set(locales.values()) - {""})
    if len(languages) < 2:
        return paths
    kept = "en" if "en" in languages else languages[0]
    taken = [path for path in paths if locales.get(path, "") in ("", kept)]
    others = ", ".join(language for language in languages if language != kept)
    why = f"the bot has one language, here {kept}; for another one, give its folders alone"
    dropped(
        result, str(folder), len(paths) - len(taken), f"files of templates in other languages ({others})", why
    )
    return taken


def _locale(path: Path, folder: Path) -> str:
    """Return the language of the first folder that is named as one, such as `en` of `en-us`; empty: none is."""
    parts = path.relative_to(folder).parts[:-1]
    return next((re.split("[-_]", part)[0].lower() for part in parts if _LOCALE.fullmatch(part)), "")


def _messages(
    text: str, file: str, is_template: bool, entities: dict[str, list[str]]
) -> Iterator[tuple[int, str]]:
    """Yield the messages with their lines; comments of a template file are skipped.

    A slot of a template gets a value of its `.entity` file; without one it remains a placeholder.
    """
    for line, content in enumerate(lines_of(text), start=1):
        if is_template and content.startswith("#"):
            continue
        try:
            messages = variants(content) if is_template else [_ENTITY.sub(r"\1", content)]
            for number, message in enumerate(messages, start=line * _MOST_VARIANTS):
                if written := PLACEHOLDER.sub(partial(_filled, entities, number), message).strip():
                    yield line, written
        except ValueError as error:
            raise CorpusError.at(file, line, str(error)) from None


def _entities(parent: Path, folder: Path) -> dict[str, list[str]]:
    """Return the values of the `.entity` files beside a template or in a folder above it; the nearest is taken."""
    found: dict[str, list[str]] = {}
    for above in [parent, *parent.parents] if parent.is_relative_to(folder) else []:
        for path in sorted(above.glob("*.entity")):
            lines = read_lines(path).decode("utf-8", "replace").splitlines()
            values = [line.strip() for line in lines if line.strip() and not line.startswith("# ")]
            found.setdefault(path.stem.casefold(), values)
        if above == folder:
            break
    return {name: values for name, values in found.items() if values}


def _filled(entities: dict[str, list[str]], number: int, slot: re.Match[str]) -> str:
    """Return a value of a slot; in Padatious `#` matches a digit."""
    values = entities.get((slot[1] or slot[2] or "").strip().casefold())
    if not values:
        return slot[0]
    value = variants(values[number % len(values)])[0]
    return re.sub("#", lambda digit: str((number + digit.start()) % 9 + 1), value)


def variants(template: str) -> list[str]:
    """Return up to five messages of a template, in which each alternative of a choice occurs.

    `(a|b)` is a choice, `[a]` may be absent, and `{slot}` is a placeholder.

    Raises: ValueError: choices are nested deeper than any person writes: each level is a pass over the template.
    """
    found: list[str] = []
    for number in range(_MOST_VARIANTS):
        text = template
        for _ in range(_MOST_NESTED):  # from the innermost choice outwards
            text = _CHOICE.sub(partial(_chosen, number), text)
        if _CHOICE.search(text):
            raise ValueError(
                f"choices are nested deeper than {_MOST_NESTED} levels: write fewer ( and [ in each other"
            )
        message = " ".join(_SLOT.sub(r"{{\1}}", text).split())
        if message in found:
            break
        found.append(message)
    return found


def _chosen(number: int, choice: re.Match[str]) -> str:
    options = (choice[1] if choice[1] is not None else f"{choice[2]}|").split("|")
    return options[number % len(options)]


def names_of(paths: list[Path], folder: Path) -> dict[Path, str]:
    """Return the intent that each file's name says, or its folder's where files share a name; empty: no two intents."""
    names = {path: path.stem for path in paths}
    if len(set(names.values())) < len(paths):
        names = {path: "" if path.parent == folder else path.parent.name for path in paths}
    return names if are_names(names.values()) else {}


def are_names(names: Iterable[str]) -> bool:
    """Whether names of files or sheets may be intents: at least two, that differ in words not about time or order."""
    words = {name: frozenset(re.split(r"[\W\d_]+", name.casefold())) - {"", *_NOT_INTENTS} for name in names}
    return len(words) > 1 and all(words.values()) and len({*words.values()}) == len(words)


def intent_of(path: Path, folder: Path) -> str:
    """Return the file's name (Botpress: before `.utterances`); of `train.txt` and numbered files the folder's."""
    if not _PART.fullmatch(path.stem) and not path.stem.isdigit():
        return path.stem.removesuffix(".utterances")
    return "" if path.parent == folder else path.parent.name
