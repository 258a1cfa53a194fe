"""Choose the reader of a source by its suffix, its first bytes or its structure."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path

import yaml

from chatbot.documents import read_yaml
from data.columns import Columns
from data.decisions import BESIDE, is_named
from data.errors import CorpusError, Problem
from data.folder import is_beside, is_intent, read_intent_files, yaml_paths
from data.formats.archive import read_gzip, read_zip
from data.formats.arrow import is_dataset, read_arrow, read_dataset, read_parquet
from data.formats.chat_export import NO_LABELS, is_chat_export
from data.formats.chatterbot import is_chatterbot, read_chatterbot
from data.formats.csv_file import read_csv
from data.formats.dialogflow import is_agent, read_agent
from data.formats.document import guarded
from data.formats.grouped import is_grouped, read_grouped
from data.formats.json_file import read_json, read_jsonl
from data.formats.lex import is_lex_folder, read_lex_folder
from data.formats.mails import mail_paths, read_mails
from data.formats.rasa import is_rasa, read_rasa
from data.formats.snips import is_snips_yaml, read_snips_yaml
from data.formats.text_folder import is_text_folder, read_text_folder, text_paths
from data.formats.xlsx import read_xlsx
from data.rows import Rows
from data.text import read_lines
from data.yaml_nodes import compose, fields, items, text_of

FILES: dict[str, Callable[[Path, Columns], Rows]] = {
    ".csv": read_csv,
    ".tsv": read_csv,
    ".txt": read_csv,
    ".parquet": read_parquet,
    ".arrow": read_arrow,
    ".feather": read_arrow,
    ".xlsx": read_xlsx,
    ".xlsm": read_xlsx,
}
"""Reader by file suffix. No reader unpickles anything."""
JSON: dict[str, Callable[[Path, Columns, bool], Rows]] = {
    ".jsonl": read_jsonl,
    ".ndjson": read_jsonl,
    ".json": read_json,
}
ARCHIVES = {".gz": read_gzip, ".zip": read_zip}
YAML = (".yaml", ".yml")

_UNREAD = read_yaml(Path(__file__).with_name("unread.yaml"))
_INSTEAD: dict[str, str] = {suffix: kind["instead"] for kind in _UNREAD for suffix in kind["suffixes"]}
"""What to do with formats that are not read."""
_HOLDING_ROWS = {suffix for kind in _UNREAD if kind.get("holds_rows") for suffix in kind["suffixes"]}
_NO_SUFFIX = "the name must end with the format, such as export.csv or export.csv.gz. "
_BEGINNINGS = (
    (
        b"PK\x03\x04",
        (".xlsx", ".xlsm", ".zip"),
        "is a zip archive or an Excel workbook: name it .zip or .xlsx, or save it as CSV",
    ),
    (b"\xd0\xcf\x11\xe0", (), "is in the former Excel format (.xls): save it as .xlsx or CSV"),
    (b"\x1f\x8b", (".gz",), "is compressed: name it .gz"),
    (b"PAR1", (".parquet",), "is a Parquet file: name it .parquet"),
    (b"%PDF", (), "is a PDF: put the messages into a table and save it as CSV"),
)
_TABLES = (".csv", ".tsv", ".txt", ".xlsx", ".xlsm", ".jsonl", ".ndjson", ".parquet", ".feather", ".arrow")
_PLAIN = (".csv", ".tsv", ".txt")
_TEXT = (".csv", ".tsv", ".txt", ".jsonl", ".ndjson", ".json")


def read_source(path: Path, columns: Columns | None = None, arrays: bool = False) -> Rows:
    """Read any corpus: a file, an archive or a folder.

    Args:
        columns: which columns of a table to read.
        arrays: read JSON arrays of objects too (`data.convert`).

    Raises:
        CorpusError: nothing can be read: no such file, an unknown format, no such column.
    """
    columns = columns or Columns()
    if path.is_dir():
        result = _read_folder(path, columns, arrays)
        result.beside.update(
            {str(file): read_lines(file) for file in sorted(path.rglob("*")) if _is_decided(file)}
        )
        return result
    if not path.exists():
        raise CorpusError([Problem(str(path), None, f"no such file or folder (looked from {Path.cwd()})")])
    if not path.is_file():
        raise CorpusError(
            [Problem(str(path), None, "not a file (a pipe or a device): write it to a file first")]
        )
    try:
        return _read_file(path, columns, arrays)
    except (OSError, RecursionError) as error:
        raise CorpusError([Problem(str(path), None, f"cannot be read: {error}")]) from None


def _read_file(path: Path, columns: Columns, arrays: bool) -> Rows:
    suffix = path.suffix.lower()
    if suffix not in _INSTEAD and (reason := _mistaken(path, suffix)):
        raise CorpusError([Problem(str(path), 1, f"the content {reason}")])
    if suffix in _PLAIN and is_chat_export(path):
        raise CorpusError([_without_labels(path)])
    if suffix in ARCHIVES:
        return ARCHIVES[suffix](path, partial(read_source, columns=columns, arrays=arrays))
    if suffix in JSON:
        return JSON[suffix](path, columns, arrays)
    if suffix in FILES:
        return FILES[suffix](path, columns)
    if suffix in YAML:
        return _read_yaml_file(path)
    known = ", ".join([*FILES, *JSON, *ARCHIVES, *YAML])
    instead = f"{_INSTEAD[suffix]}. " if suffix in _INSTEAD else _NO_SUFFIX if not suffix else ""
    reason = f"unknown kind of file {suffix!r}: {instead}A corpus is {known}, or a folder"
    raise CorpusError([Problem(str(path), None, reason)])


def _read_folder(folder: Path, columns: Columns, arrays: bool) -> Rows:
    if is_dataset(folder):
        return read_dataset(folder, columns)
    if is_agent(folder):
        return guarded("Dialogflow", partial(read_agent, folder), str(folder))
    if is_lex_folder(folder):
        return guarded("Lex V2", partial(read_lex_folder, folder), str(folder))
    texts = text_paths(folder)
    if (folder / "domains").is_dir() and is_text_folder(folder, texts):
        return read_text_folder(
            folder, texts, columns.encoding
        )  # MindMeld: the other files are about entities
    if any(path.suffix.lower() == ".intent" for path in texts):
        return read_text_folder(folder, texts, columns.encoding)  # OVOS: the other files are about the skill
    if mails := mail_paths(folder):
        return read_mails(folder, mails)
    if (found := _read_yaml(yaml_paths(folder), folder)) is not None:
        _mention_markdown(found, folder)
        _mention_tables(found, folder, columns)
        return found
    result = Rows()
    taken: list[str] = []
    unknown: list[Problem] = []
    for path in _tables(folder):
        name = path.relative_to(folder).as_posix()
        try:
            content = _read_file(path, columns, arrays)
        except CorpusError as error:
            unknown.extend(error.problems)
            continue
        content.rows = [replace(row, file=f"{name}/{row.file}" if row.file else name) for row in content.rows]
        taken.append(f"{name} ({len(content.rows):,})")
        result.extend(content)
    for path in _plain_texts(folder):
        if table := _table_or_none(path, columns):  # any other text is a licence or the like
            name = path.relative_to(folder).as_posix()
            table.rows = [replace(row, file=name) for row in table.rows]
            taken.append(f"{name} ({len(table.rows):,})")
            result.extend(table)
    # Beside a corpus, a JSON file may be anything; a table is meant.
    beside = [problem for problem in unknown if result.rows and problem.file.endswith(".json")]
    result.problems.extend(problem for problem in unknown if problem not in beside)
    result.notices.extend(replace(problem, reason=f"not taken: {problem.reason}") for problem in beside)
    if result.rows:
        result.notices.extend(_not_read(folder))
    if not result.rows and not result.problems:
        chats = [path for path in texts if is_chat_export(path)]
        texts = [path for path in texts if path not in chats]
        unlabelled = [_without_labels(path) for path in chats]
        if is_text_folder(folder, texts):
            found = read_text_folder(folder, texts, columns.encoding)
            found.notices.extend(unlabelled)
            return found
        if unlabelled:
            raise CorpusError(unlabelled)
        reason = (
            "no corpus: a folder holds intents/<intent>.yaml files, tables, texts named <intent>.txt, "
            "or an export in docs/corpus.md"
        )
        raise CorpusError([Problem(str(folder), None, reason)])
    if len(taken) > 1:
        result.notices.append(
            Problem(str(folder), None, f"{len(taken)} files are one corpus: {', '.join(taken[:20])}")
        )
    return result


def _read_yaml(paths: list[Path], folder: Path) -> Rows | None:
    """Read YAML files: intents in the project's form, Rasa, SNIPS, or a mixture; None: the files hold no corpus."""
    kinds: dict[str, list[Path]] = {kind: [] for kind in (*_YAML_READERS, "")}
    result = Rows()
    for path in paths:
        try:
            kinds[_kind_of_yaml(compose(path))].append(path)
        except CorpusError as error:
            result.problems.extend(error.problems)
    others = [path for path in kinds.pop("") if not is_beside(path) and not _is_decided(path)]
    if not any(kinds.values()) and _tables(folder):
        return None
    if not kinds["rasa"] and not kinds["chatterbot"]:  # a Rasa project has files about other things
        kinds["intent"] = sorted([*kinds["intent"], *others])
    for kind, members in kinds.items():
        if members:
            result.extend(_YAML_READERS[kind](members, folder))
    return result if any(kinds.values()) or result.problems else None


_YAML_READERS: dict[str, Callable[[list[Path], Path | None], Rows]] = {
    "rasa": read_rasa,
    "snips": read_snips_yaml,
    "chatterbot": read_chatterbot,
    "intent": read_intent_files,
}


_YAML_TESTS = {"rasa": is_rasa, "snips": is_snips_yaml, "chatterbot": is_chatterbot, "intent": is_intent}


def _kind_of_yaml(root: yaml.Node | None) -> str:
    return next((kind for kind, matches in _YAML_TESTS.items() if matches(root)), "")


def _read_yaml_file(path: Path) -> Rows:
    root = compose(path)
    kind = _kind_of_yaml(root)
    if not kind:
        lists = {name: [text_of(m) for m in items(node)] for name, node in fields(root).items()}
        if is_grouped(lists):
            return read_grouped(lists, str(path))
        reason = (
            "no messages: an intent has `intent:` and `messages:`; replies go to --replies, rules to --rules"
        )
        raise CorpusError([Problem(str(path), 1, reason)])
    return _YAML_READERS[kind]([path], None)


def _mention_markdown(result: Rows, folder: Path) -> None:
    """Report unsupported Markdown training data of Rasa 1: as a notice, or as an error without other rows."""
    marks = (b"## intent:", b"##intent:", b"## intent :")
    found = [path for path in _visible(folder) if path.match("*.md")]
    files = [path for path in found if any(mark in _beginning(path) for mark in marks)]
    problems = [Problem(str(path), None, _INSTEAD[".md"], kind=_INSTEAD[".md"]) for path in files]
    (result.notices if result.rows else result.problems).extend(problems)


def _mention_tables(result: Rows, folder: Path, columns: Columns) -> None:
    """Report tables with messages and intents beside YAML files: the YAML files are the corpus."""
    tables = [path for path in (*_tables(folder), *_plain_texts(folder)) if path.suffix.lower() in _TABLES]
    for path in tables if result.rows else ():
        if content := _table_or_none(path, columns):
            reason = (
                f"not taken: {len(content.rows):,} rows; the folder's YAML files are the corpus. Convert the table "
                "into a folder of its own (`python -m data.convert`), or add its messages to the YAML files"
            )
            result.notices.append(Problem(str(path), None, reason))
    if result.rows:
        result.notices.extend(_not_read(folder))


def _table_or_none(path: Path, columns: Columns) -> Rows | None:
    """Read a file that is perhaps a table with messages and intents; None: it is not."""
    try:
        return found if (found := _read_file(path, columns, arrays=False)).rows else None
    except CorpusError:
        return None


def _not_read(folder: Path) -> list[Problem]:
    """Return a notice for each file of a folder that probably holds rows, in a format that is not read."""
    return [
        Problem(str(path), None, f"not taken: {_INSTEAD[suffix]}")
        for path in _visible(folder)
        if (suffix := path.suffix.lower()) in _HOLDING_ROWS
    ]


def _plain_texts(folder: Path) -> list[Path]:
    """Return the `.txt` files of a folder."""
    return [path for path in _visible(folder) if path.suffix.lower() == ".txt"]


def _tables(folder: Path) -> list[Path]:
    """Return the files of a folder that may be tables, documents or archives; a .txt is perhaps a licence."""
    suffixes = {*FILES, *JSON, *ARCHIVES} - {".txt"}
    return [path for path in _visible(folder) if path.suffix.lower() in suffixes and not _is_decided(path)]


def _visible(folder: Path) -> list[Path]:
    """Return the files of a folder and its subfolders that are not hidden, in order."""
    return [path for path in sorted(folder.rglob("*")) if path.is_file() and not _is_hidden(path, folder)]


def _is_decided(path: Path) -> bool:
    """Whether a file holds label decisions or declared changes, beside a corpus."""
    return path.is_file() and any(is_named(path, name) for name in BESIDE)


def _without_labels(path: Path) -> Problem:
    return Problem(str(path), None, NO_LABELS, kind=NO_LABELS)


def _mistaken(path: Path, suffix: str) -> str | None:
    """Return what the first bytes say if the suffix says something else."""
    beginning = _beginning(path, 512)
    if beginning.startswith(b"\xd0\xcf\x11\xe0") and suffix in (".xlsx", ".xlsm"):
        return "is protected by a password (or is a renamed .xls): save it as .xlsx without one"
    for start, suffixes, reason in _BEGINNINGS:
        if beginning.startswith(start) and suffix not in suffixes:
            return reason
    start = beginning.lstrip(b"\xef\xbb\xbf \t\r\n").lower()
    if suffix in _TEXT and start.startswith((b"<!doctype html", b"<html", b"<table")):
        return "is a web page, perhaps of a login: export the table as CSV, or download the file itself"
    if suffix in _TEXT and start.startswith(b"<?xml"):
        return "is XML: export CSV"
    if suffix in _PLAIN and start.startswith((b'{"', b"[{")):
        return "is JSON: name it .json, or .jsonl if every line is an object"
    if suffix in _TEXT and start.startswith(b"pk") and b"\0" in beginning:
        return "is a damaged zip archive or Excel workbook: save it as CSV"
    return None


def _beginning(path: Path, size: int = 1 << 20) -> bytes:
    with path.open("rb") as file:
        return file.read(size)


def _is_hidden(path: Path, folder: Path) -> bool:
    return any(part.startswith((".", "__")) for part in path.relative_to(folder).parts)
