"""Takes out of the store what was kept long enough: `python -m monitoring.retention [--dry-run] [--keep DIGEST ...]`.

Records, feedback, handoffs and reports go by age (`CHATBOT_KEEP_*`). Bundles and corpus files go when they are old
and nobody names them: not the registry (aliases; for a corpus every version), not serving.json or the loop's memory
in the store, not `--keep`, and for a corpus not a pointer in this folder. A registry that cannot be asked keeps them
all, and that is said. Says what it takes; may be killed and run again.
"""

from __future__ import annotations

import argparse
import json
import re
import sys
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.error import URLError
from urllib.parse import quote, urlencode
from urllib.request import urlopen

from pydantic import ValidationError

from chatbot import handoff
from chatbot.errors import ChatbotError, Missing
from chatbot.ids import time_of
from chatbot.settings import RetentionSettings, StorageSettings, TrackingSettings
from chatbot.storage import Entry, Store, open_store, stem

_DIGEST = re.compile(r"[0-9a-f]{64}")
_MD5 = re.compile(r"[0-9a-f]{32}(?![0-9a-f])")
_DAY = re.compile(r"day=(\d{4}-\d\d-\d\d)/")
_NAMING = ("serving.json", "memory/", "reports/drift/latest.json")
_DVC = "dvc/files/md5/"
_SECONDS = 30


class NoRegistryError(ChatbotError):
    """The registry cannot say which bundles and corpora it names."""


@dataclass(frozen=True, slots=True)
class Named:
    """What somebody names: digests of bundles, MD5 sums of corpus files."""

    bundles: frozenset[str]
    corpora: frozenset[str]


def expired(store: Store, settings: RetentionSettings, now: datetime) -> Iterator[Entry]:
    """Records, feedback, handoffs and reports that were kept long enough."""
    for prefix, keep_days in (
        ("log/", settings.records_days),
        ("feedback/", settings.feedback_days),
        ("handoffs/", settings.handoffs_days),
    ):
        for entry in store.list(prefix) if keep_days else ():
            match = _DAY.search(entry.key)
            if match and date.fromisoformat(match[1]) < (now - timedelta(days=keep_days)).date():
                yield entry
            elif match is None:
                continue
            else:
                break  # days come in order
    if settings.handoffs_days:
        first = now - timedelta(days=settings.handoffs_days)
        # What was done about a handoff goes with it; ids come in order.
        for entry in store.list(handoff.WORK):
            if time_of(stem(entry.key)) > first:
                break
            yield entry
    if settings.reports_days:
        latest = _latest_report(store)
        for entry in store.list("reports/"):
            if entry.key not in latest and _is_old(entry, settings.reports_days, now):
                yield entry


def unnamed(store: Store, settings: RetentionSettings, named: Named, now: datetime) -> Iterator[Entry]:
    """Bundles, their baselines, and corpus files that are old and that nobody names."""
    if settings.bundles_days:
        yield from _unnamed_bundles(store, settings, named.bundles | _named_in_store(store), now)
    if settings.corpora_days:
        corpora = named.corpora | _inside(store, named.corpora)
        for entry in store.list(_DVC):
            md5 = entry.key.removeprefix(_DVC).replace("/", "").removesuffix(".dir")
            if md5 not in corpora and _is_old(entry, settings.corpora_days, now):
                yield entry


def registry_names(settings: TrackingSettings) -> Named:
    """What the MLflow server's registered model names, asked over HTTP: this needs no MLflow.

    Raises:
        NoRegistryError: there is no server, or it does not answer.
    """
    if not settings.tracking_uri.startswith(("http://", "https://")):
        raise NoRegistryError(
            f"MLFLOW_TRACKING_URI={settings.tracking_uri} is no server that could be asked which bundles and corpora "
            "are in use: none of them is taken out"
        )
    api = f"{settings.tracking_uri.rstrip('/')}/api/2.0/mlflow"
    try:
        model = _ask(f"{api}/registered-models/get?name={quote(settings.model)}")["registered_model"]
        aliases = {alias["version"] for alias in model.get("aliases", ())}
        bundles, corpora, token = set(), set(), ""
        while True:
            query = {"filter": f"name='{settings.model}'", "max_results": 1000}
            page = _ask(
                f"{api}/model-versions/search?{urlencode(query | ({'page_token': token} if token else {}))}"
            )
            for version in page.get("model_versions", ()):
                tags = {tag["key"]: tag.get("value", "") for tag in version.get("tags", ())}
                corpora.update(_MD5.findall(tags.get("corpus_pointer", "")))
                if version["version"] in aliases:
                    bundles.add(tags.get("bundle_digest", ""))
            if not (token := page.get("next_page_token", "")):
                return Named(frozenset(bundles), frozenset(corpora))
    except (URLError, OSError, ValueError, KeyError) as error:
        raise NoRegistryError(
            f"the registry at {settings.tracking_uri} cannot be asked which bundles and corpora are in use ({error}): "
            "none of them is taken out"
        ) from error


def pointers_here(folder: Path) -> frozenset[str]:
    """The corpus files that DVC's pointers in a folder name (`dvc.lock`, `*.dvc`)."""
    files = [folder / "dvc.lock", *folder.rglob("*.dvc")]
    text = "".join(file.read_text(encoding="utf-8") for file in files if file.is_file())
    return frozenset(_MD5.findall(text))


def _unnamed_bundles(
    store: Store, settings: RetentionSettings, named: Collection[str], now: datetime
) -> Iterator[Entry]:
    bundles: dict[str, list[Entry]] = {}
    for entry in store.list("bundles/"):
        bundles.setdefault(entry.key.split("/")[1], []).append(entry)
    newest = sorted(bundles, key=lambda digest: max(entry.modified for entry in bundles[digest]))[
        -settings.bundles :
    ]
    for digest, entries in bundles.items():
        if digest in named or digest in newest:
            continue
        if all(_is_old(entry, settings.bundles_days, now) for entry in entries):
            # Without its sums a bundle is none: what is killed in the middle is never taken for a whole one.
            yield from sorted(entries, key=lambda entry: not entry.key.endswith("/SHA256SUMS"))
            if (baseline := store.head(f"baselines/{digest}.parquet")) is not None:
                yield baseline


def _named_in_store(store: Store) -> frozenset[str]:
    text = b"".join(store.get(entry.key) for prefix in _NAMING for entry in store.list(prefix))
    return frozenset(_DIGEST.findall(text.decode("utf-8", "replace")))


def _inside(store: Store, named: Collection[str]) -> frozenset[str]:
    """The files of corpus folders: DVC keeps a folder as a list of them."""
    found: set[str] = set()
    for md5 in named:
        try:
            found.update(_MD5.findall(store.get(f"{_DVC}{md5[:2]}/{md5[2:]}.dir").decode()))
        except Missing:
            continue
    return frozenset(found)


def _latest_report(store: Store) -> frozenset[str]:
    """The latest drift report's files."""
    keys = [entry.key for entry in store.list("reports/drift/")]
    folders = sorted({key.rpartition("/")[0] for key in keys if key.count("/") == 3})
    newest = folders[-1] if folders else "reports/drift/none"
    return frozenset(key for key in keys if key.count("/") == 2 or key.startswith(newest + "/"))


def _is_old(entry: Entry, keep_days: int, now: datetime) -> bool:
    return entry.modified < now - timedelta(days=keep_days)


def _ask(url: str) -> dict[str, Any]:
    with urlopen(url, timeout=_SECONDS) as answer:  # noqa: S310  # the scheme was checked
        found: dict[str, Any] = json.load(answer)
        return found


def clean(
    store: Store,
    settings: RetentionSettings,
    named: Named | None,
    now: datetime,
    say: Callable[[str], None],
    dry_run: bool = False,
) -> int:
    """Take out what was kept long enough; with `dry_run` only say it.

    Returns:
        How many bytes were, or would be, given back.
    """
    size = 0
    found = [*expired(store, settings, now), *(unnamed(store, settings, named, now) if named else ())]
    for entry in found:
        say(
            f"{'would take' if dry_run else 'take'} {entry.key} ({entry.size} bytes, {entry.modified:%Y-%m-%d})"
        )
        if not dry_run:
            store.delete(entry.key)
        size += entry.size
    return size


def main(arguments: list[str] | None = None) -> int:
    """Take out, and say what; 1 where something could not be done."""
    parser = argparse.ArgumentParser(
        prog="python -m monitoring.retention", description=(__doc__ or "").split("\n")[0]
    )
    parser.add_argument("--dry-run", action="store_true", help="only say what would be taken out")
    parser.add_argument(
        "--keep", action="append", default=[], metavar="DIGEST", help="a bundle that is in use"
    )
    told = parser.parse_args(arguments)

    def say(line: str) -> None:
        sys.stdout.write(line + "\n")

    problem = ""
    try:
        store, settings = open_store(StorageSettings()), RetentionSettings()
        named: Named | None = None
        if settings.bundles_days or settings.corpora_days:
            try:
                known = registry_names(TrackingSettings())
                named = Named(known.bundles | set(told.keep), known.corpora | pointers_here(Path()))
            except NoRegistryError as error:
                problem = str(error)
        size = clean(store, settings, named, datetime.now(UTC), say, told.dry_run)
        say(f"{size / 1e6:.1f} MB {'would be' if told.dry_run else 'were'} given back")
    except (ChatbotError, ValidationError, OSError) as error:
        problem = str(error)
    if problem:
        sys.stderr.write(f"{problem}\n")
    return 1 if problem else 0


if __name__ == "__main__":
    sys.exit(main())
