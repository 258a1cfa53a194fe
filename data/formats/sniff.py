"""Choose the reader of a source by its suffix, its first bytes or its structure."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from functools import partial
from pathlib import Path

import yaml

from chatbot.documents import read_yaml
from data.columns import Columns
from data.decisions import BESIDE, is_named
from data.errors import CorpusError, Problem
from data.folder import is_beside, is_intent, read_intent_files, visible_files, yaml_paths
from data.formats.archive import COMPRESSED, PACKED, read_archive, read_compressed
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
from data.formats.table_folder import read_table_folder
from data.formats.text_folder import is_text_folder, read_text_folder, text_paths
from data.formats.xlsx import read_xlsx
from data.rows import Rows
from data.text import read_lines
from data.yaml_nodes import compose, compose_first, fields, items, text_of

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
ARCHIVES = dict.fromkeys(COMPRESSED, read_compressed) | dict.fromkeys(PACKED, read_archive)
YAML = (".yaml", ".yml")
_OF_WHOLES = ("agent.json", "dataset_dict.json", "state.json")
"""Files by which the folder of an agent or a dataset is found."""
_PERHAPS_TABLES = {*FILES, *JSON, *ARCHIVES} - {".txt"}
"""A .txt in a folder is perhaps a licence."""

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
    (b"\x1f\x8b", (".gz", ".tgz"), "is compressed: name it .gz"),
    (b"BZh", (".bz2",), "is compressed: name it .bz2"),
    (b"\xfd7zXZ\0", (".xz",), "is compressed: name it .xz"),
    (b"PAR1", (".parquet",), "is a Parquet file: name it .parquet"),
    (b"%PDF", (), "is a PDF: put the messages into a table and save it as CSV"),
)
_PLAIN = (".csv", ".tsv", ".txt")
_TEXT = (".csv", ".tsv", ".txt", ".jsonl", ".ndjson", ".json")


def read_source(path: Path, columns: Columns | None = None, arrays: bool = False) -> Rows:
    """Read any corpus: a file, an archive or a folder.

    Args:
        columns: which columns of a table to read.
        arrays: read JSON arrays of objects too (`data.convert`).

    Raises: CorpusError: nothing can be read: no such file, an unknown format, no such column.
    """
    columns = columns or Columns()
    try:
        if path.is_dir():
            return _read_folder(path, columns, arrays)
        if not path.exists():
            raise CorpusError.at(path, None, f"no such file or folder (looked from {Path.cwd()})")
        if not path.is_file():
            raise CorpusError.at(path, None, "not a file (a pipe or a device): write it to a file first")
        return _read_file(path, columns, arrays)
    except (OSError, RecursionError) as error:
        raise CorpusError.at(path, None, f"cannot be read: {error}") from None


def _read_file(path: Path, columns: Columns, arrays: bool) -> Rows:
    suffix = path.suffix.lower()
    if suffix not in _INSTEAD and (reason := _mistaken(path, suffix)):
        raise CorpusError.at(path, 1, f"the content {reason}")
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
    raise CorpusError.at(path, None, reason)


def _read_folder(folder: Path, columns: Columns, arrays: bool) -> Rows:
    files = visible_files(folder)
    decided = [path for path in files if any(is_named(path, name) for name in BESIDE)]
    result = _read_files(folder, [path for path in files if path not in decided], columns, arrays)
    result.beside.update({str(path): read_lines(path) for path in decided})
    return result


def _read_files(folder: Path, files: list[Path], columns: Columns, arrays: bool) -> Rows:
    """Read the files of a folder as what they are together."""
    if is_dataset(folder):
        return read_dataset(folder, columns)
    if is_agent(folder):
        return guarded("Dialogflow", partial(read_agent, folder), str(folder))
    if is_lex_folder(folder):
        return guarded("Lex V2", partial(read_lex_folder, folder), str(folder))
    if wholes := _wholes(folder, files):
        result = Rows()
        for whole in wholes:
            result.extend(_read_folder(whole, columns, arrays), whole.relative_to(folder).as_posix())
        return result
    texts = text_paths(folder, files)
    is_mindmeld = (folder / "domains").is_dir() and is_text_folder(folder, texts)
    if is_mindmeld or any(path.suffix.lower() == ".intent" for path in texts):
        # Of MindMeld the other files are about entities, of OVOS about the skill.
        return read_text_folder(folder, texts, columns.encoding)
    tables = [path for path in files if path.suffix.lower() in _PERHAPS_TABLES]
    documents = yaml_paths(folder, files)
    if used := mail_paths(files):
        result, kind = read_mails(folder, used), "e-mails"
    elif (found := _read_yaml(documents, folder, has_tables=bool(tables))) is not None:
        result, kind, used = found, "YAML files", documents
        _mention_markdown(result, files)
    else:
        named = [path for path in files if path.suffix.lower() == ".txt"]
        result, more = read_table_folder(folder, tables, named, columns, partial(_read_file, arrays=arrays))
        if not result.rows and not result.problems:
            return _read_texts(folder, texts, columns)
        kind, used = "tables", [*tables, *more]
    if result.rows:
        result.notices += _beside(folder, files, used, kind, columns)
    if result.rows:  # a file of such a format probably holds rows
        result.notices += [
            Problem(str(path), None, f"not taken: {_INSTEAD[path.suffix.lower()]}")
            for path in files
            if path.suffix.lower() in _HOLDING_ROWS
        ]
    return result


def _wholes(folder: Path, files: list[Path]) -> list[Path]:
    """Return the folders that are one export or dataset each, such as an unpacked agent, if nothing is beside them."""
    found = sorted({path.parent for path in files if path.name in _OF_WHOLES} - {folder})
    found = [path for path in found if is_agent(path) or is_dataset(path)]
    found = [path for path in found if path.parent not in found]  # a split belongs to its dataset
    rows = [path for path in files if path.suffix.lower() in {*_PERHAPS_TABLES, *YAML}]
    return found if all(any(map(path.is_relative_to, found)) for path in rows) else []


def _read_texts(folder: Path, texts: list[Path], columns: Columns) -> Rows:
    """Read texts named by intent; chats among them are named and left out."""
    chats = [path for path in texts if is_chat_export(path)]
    texts = [path for path in texts if path not in chats]
    unlabelled = [_without_labels(path) for path in chats]
    if is_text_folder(folder, texts):
        result = read_text_folder(folder, texts, columns.encoding)
        result.notices.extend(unlabelled)
        return result
    reason = (
        "no corpus: a folder holds intents/<intent>.yaml files, tables, texts named <intent>.txt, "
        "or an export in docs/corpus.md"
    )
    raise CorpusError(unlabelled or [Problem(str(folder), None, reason)])


def _read_yaml(paths: list[Path], folder: Path, has_tables: bool) -> Rows | None:
    """Read YAML files: intents in the project's form, Rasa, SNIPS, or a mixture; None: the files hold no corpus."""
    kinds: dict[str, list[Path]] = {kind: [] for kind in (*_YAML_READERS, "")}
    result = Rows()
    for path in paths:
        try:
            kinds[_kind_of_yaml(compose_first(path))].append(path)
        except CorpusError as error:
            result.problems.extend(error.problems)
    others = [path for path in kinds.pop("") if not is_beside(path)]
    if not any(kinds.values()) and has_tables:
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
    kind = _kind_of_yaml(compose_first(path))
    if not kind:
        root = compose(path)
        lists = {name: [text_of(m) for m in items(node)] for name, node in fields(root).items()}
        if is_grouped(lists):
            return read_grouped(lists, str(path))
        reason = (
            "no messages: an intent has `intent:` and `messages:`; replies go to --replies, rules to --rules"
        )
        raise CorpusError.at(path, 1, reason)
    return _YAML_READERS[kind]([path], None)


def _mention_markdown(result: Rows, files: list[Path]) -> None:
    """Report unsupported Markdown training data of Rasa 1: as a notice, or as an error without other rows."""
    marks = (b"## intent:", b"##intent:", b"## intent :")
    found = [path for path in files if path.suffix == ".md" and any(m in _beginning(path) for m in marks)]
    problems = [Problem(str(path), None, _INSTEAD[".md"], kind=_INSTEAD[".md"]) for path in found]
    (result.notices if result.rows else result.problems).extend(problems)


def _beside(
    folder: Path, files: list[Path], used: Iterable[Path], kind: str, columns: Columns
) -> Iterator[Problem]:
    """Yield a notice for each file with messages and intents beside the files that are the corpus."""
    taken = set(used)
    left = [path for path in files if path not in taken]
    for path in left:
        if (content := _rows_or_none(path, columns)) is not None:
            reason = (
                f"not taken: {len(content.rows):,} rows; the folder's {kind} are the corpus. Convert this file into a "
                "folder of its own (`python -m data.convert`), or add its messages to the others"
            )
            yield Problem(str(path), None, reason)
    lists = [path for path in text_paths(folder, left) if path.suffix.lower() == ".txt"]
    if is_text_folder(folder, lists):
        names = ", ".join(path.name for path in lists[:5])
        found = f"{len(lists):,} text files ({names}), which may hold messages"
        reason = f"not taken: {found}; the folder's {kind} are the corpus"
        yield Problem(str(folder), None, reason)


def _rows_or_none(path: Path, columns: Columns) -> Rows | None:
    """Read a file that perhaps has messages and intents; None: it has none."""
    suffix = path.suffix.lower()
    is_packed_model = not {".tar", ".tgz"}.isdisjoint(map(str.lower, path.suffixes))  # and may be large
    if suffix not in {*_PERHAPS_TABLES, *YAML, ".txt"} or is_packed_model:
        return None
    if suffix in YAML and is_beside(path):
        return None
    try:
        return found if (found := _read_file(path, columns, arrays=True)).rows else None
    except CorpusError:
        return None


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
