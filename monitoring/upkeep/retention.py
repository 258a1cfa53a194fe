"""Delete expired objects from the store (retention): `python -m monitoring.retention [--dry-run] [--keep DIGEST ...]`.

Records, feedback, handoffs, contact data and reports are deleted by age (`CHATBOT_RETENTION_*`). Bundles and corpus
files are deleted if they are old and unreferenced. References are: the registry (aliases; for a corpus every version),
serving.json, the retrain history and the latest drift report in the store, `--keep`, and for a corpus the DVC pointers
in the working folder. If the registry does not respond, all bundles and corpora are kept and the error is reported.
Summaries of shards of a drift check are deleted after a day. Data that arrived after its erasure is erased
(`monitoring.upkeep.late`). Prints each deletion. Idempotent: may be killed and run again. With `--shard INDEX/COUNT`,
each of several processes deletes the keys of its shard; the first also deletes bundles and corpus files.
"""

from __future__ import annotations

import argparse
import re
import sys
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from pydantic import ValidationError

from chatbot.errors import ChatbotError, SettingError
from chatbot.ids import time_of
from chatbot.loop.registry import RegistryClient, RegistryError
from chatbot.records.shard import WHOLE, Shard
from chatbot.settings import RetentionSettings, StorageSettings, TrackingSettings
from chatbot.store import Entry, Store, get_all, layout, open_store, stem
from monitoring.upkeep.late import erase_late

_DIGEST = re.compile(r"[0-9a-f]{64}")
_MD5 = re.compile(r"[0-9a-f]{32}(?![0-9a-f])")
_SUMMARY_DAYS = 1
_NAMING = (layout.DESIRED_MODEL, layout.MEMORY, layout.DRIFT_VERDICT)


@dataclass(frozen=True, slots=True)
class Named:
    """References that protect from deletion: digests of bundles, MD5 sums of corpus files."""

    bundles: frozenset[str]
    corpora: frozenset[str]


def expired(store: Store, settings: RetentionSettings, now: datetime) -> Iterator[Entry]:
    """Yield the records, feedback, handoffs, contact data and reports whose retention has expired."""
    for prefix, keep_days in (
        (layout.LOG, settings.records_days),
        (layout.FEEDBACK, settings.feedback_days),
        (layout.HANDOFFS, settings.handoffs_days),
        # Contact data does not outlive its handoff.
        (layout.CONTACTS, min(filter(None, (settings.contacts_days, settings.handoffs_days)), default=0)),
    ):
        for entry in store.list(prefix) if keep_days else ():
            day = layout.day_of(entry.key)
            if day and day < (now - timedelta(days=keep_days)).date():
                yield entry
            elif day is None:
                continue
            else:
                break  # keys are in order of days
    if settings.handoffs_days:
        # The work on a handoff expires a day after it: without its work, a handoff would be open again. Ids are in
        # order of time.
        first = (now - timedelta(days=settings.handoffs_days + 1)).date()
        for entry in store.list(layout.HANDOFF_WORK):
            if time_of(stem(entry.key)).date() >= first:
                break
            yield entry
    if settings.reports_days:
        latest = _latest_report(store)
        for entry in store.list(layout.REPORTS):
            is_summary = entry.key.startswith(layout.DRIFT_SUMMARIES)
            if entry.key not in latest and not is_summary and _is_old(entry, settings.reports_days, now):
                yield entry
    for entry in store.list(layout.DRIFT_SUMMARIES):
        if _is_old(entry, _SUMMARY_DAYS, now):
            yield entry


def unnamed(store: Store, settings: RetentionSettings, named: Named, now: datetime) -> Iterator[Entry]:
    """Yield expired bundles with their baselines, and expired corpus files, that nothing references."""
    if settings.bundles_days:
        yield from _unnamed_bundles(store, settings, named.bundles | _named_in_store(store), now)
    if settings.corpora_days:
        corpora = named.corpora | _inside(store, named.corpora)
        for entry in store.list(layout.DVC_FILES):
            md5 = entry.key.removeprefix(layout.DVC_FILES).replace("/", "").removesuffix(".dir")
            if md5 not in corpora and _is_old(entry, settings.corpora_days, now):
                yield entry


def registry_names(settings: TrackingSettings) -> Named:
    """Return the bundles and corpora that the registered model references.

    Raises:
        SettingError: MLFLOW_TRACKING_URI is not a server.
        RegistryError: the server does not respond, or refuses.
    """
    versions = RegistryClient(settings).versions()
    return Named(
        frozenset(version.bundle_digest for version in versions if version.aliases),
        frozenset(md5 for version in versions for md5 in _MD5.findall(version.corpus_pointer)),
    )


def pointers_here(folder: Path) -> frozenset[str]:
    """Return the MD5 sums of corpus files in a folder's DVC pointers (`dvc.lock`, `*.dvc`)."""
    files = [folder / "dvc.lock", *folder.rglob("*.dvc")]
    text = "".join(file.read_text(encoding="utf-8") for file in files if file.is_file())
    return frozenset(_MD5.findall(text))


def _unnamed_bundles(
    store: Store, settings: RetentionSettings, named: Collection[str], now: datetime
) -> Iterator[Entry]:
    bundles: dict[str, list[Entry]] = {}
    for entry in store.list(layout.BUNDLES):
        bundles.setdefault(entry.key.split("/")[1], []).append(entry)
    by_age = sorted(bundles, key=lambda digest: max(entry.modified for entry in bundles[digest]))
    newest = by_age[-settings.bundles_min_count :]
    for digest, entries in bundles.items():
        if digest in named or digest in newest:
            continue
        if all(_is_old(entry, settings.bundles_days, now) for entry in entries):
            # SHA256SUMS first: without it a partly deleted bundle is not mistaken for a complete one.
            yield from sorted(entries, key=lambda entry: not entry.key.endswith("/SHA256SUMS"))
            if (baseline := store.head(layout.baseline(digest))) is not None:
                yield baseline


def _named_in_store(store: Store) -> frozenset[str]:
    text = b"".join(store.get(entry.key) for prefix in _NAMING for entry in store.list(prefix))
    return frozenset(_DIGEST.findall(text.decode("utf-8", "replace")))


def _inside(store: Store, named: Collection[str]) -> frozenset[str]:
    """Return the files in the named corpus folders; DVC stores a folder as a list of its files."""
    listed = get_all(store, (layout.corpus_file(f"{md5}.dir") for md5 in named))
    return frozenset(md5 for content in listed.values() for md5 in _MD5.findall(content.decode()))


def _latest_report(store: Store) -> frozenset[str]:
    """Return the keys of the latest drift report."""
    keys = [entry.key for entry in store.list(layout.DRIFT_REPORTS)]
    folders = sorted({key.rpartition("/")[0] for key in keys if key.count("/") == 3})
    newest = folders[-1] if folders else layout.DRIFT_REPORTS + "none"
    return frozenset(key for key in keys if key.count("/") == 2 or key.startswith(newest + "/"))


def _is_old(entry: Entry, keep_days: int, now: datetime) -> bool:
    return entry.modified < now - timedelta(days=keep_days)


def clean(
    store: Store,
    settings: RetentionSettings,
    named: Named | None,
    now: datetime,
    say: Callable[[str], None],
    dry_run: bool = False,
    shard: Shard = WHOLE,
) -> int:
    """Delete the expired objects of a shard, or only report them (`dry_run`), one line each.

    References to bundles and corpora are in `named`; None: unknown, none of them is deleted.

    Returns: the number of bytes freed, or that would be freed.
    """
    size = 0
    found = [entry for entry in expired(store, settings, now) if shard.has(entry.key)]
    if named and shard.index == 0:  # one process: the files of a bundle are deleted in order
        found += unnamed(store, settings, named, now)
    for entry in found:
        verb = "would take" if dry_run else "take"
        say(f"{verb} {entry.key} ({entry.size} bytes, {entry.modified:%Y-%m-%d})")
        if not dry_run:
            store.delete(entry.key)
        size += entry.size
    return size


def main(arguments: list[str] | None = None) -> int:
    """Run the retention and print each deletion; exit code 1 if it is incomplete."""
    parser = argparse.ArgumentParser(
        prog="python -m monitoring.retention", description=(__doc__ or "").split("\n")[0]
    )
    parser.add_argument("--dry-run", action="store_true", help="only say what would be taken out")
    parser.add_argument(
        "--keep", action="append", default=[], metavar="DIGEST", help="a bundle that is in use"
    )
    parser.add_argument("--shard", default="0/1", metavar="INDEX/COUNT", help="delete this share alone")
    options = parser.parse_args(arguments)

    def say(line: str) -> None:
        sys.stdout.write(line + "\n")

    problem = ""
    try:
        shard, settings = Shard.parse(options.shard), RetentionSettings()
        store = open_store(StorageSettings())
        named: Named | None = None
        if shard.index == 0 and (settings.bundles_days or settings.corpora_days):
            try:
                known = registry_names(TrackingSettings())
                named = Named(known.bundles | set(options.keep), known.corpora | pointers_here(Path()))
            except (RegistryError, SettingError) as error:
                problem = f"{error}. No bundle and no corpus is deleted: which of them are in use is unknown"
        erase_late(store, say, options.dry_run, shard)
        size = clean(store, settings, named, datetime.now(UTC), say, options.dry_run, shard)
        say(f"{size / 1e6:.1f} MB {'would be' if options.dry_run else 'were'} given back")
    except (ChatbotError, ValidationError, OSError) as error:
        problem = str(error)
    if problem:
        sys.stderr.write(f"{problem}\n")
    return 1 if problem else 0
