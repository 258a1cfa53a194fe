"""List the registered versions with their provenance, and restore the bundle and the corpus of any version.

python -m training.versions                          list versions: corpus, scores, gate verdict, serving one
python -m training.versions restore VERSION          restore bundle and corpus into a folder; verify digests
python -m training.versions restore --commit C --corpus D VERSION      the same, if commit and corpus match
"""

from __future__ import annotations

import json
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any
from urllib.error import URLError
from urllib.request import Request

import typer
from pydantic import ValidationError
from rich import box
from rich.console import Console, JustifyMethod
from rich.table import Column, Table
from rich.text import Text

from chatbot.errors import ChatbotError
from chatbot.loop import desired_model
from chatbot.loop.registry import ModelVersion
from chatbot.model import bundle_store, scores
from chatbot.runtime import REAL
from chatbot.settings import ApiClientSettings, StorageSettings, TrackingSettings
from chatbot.store import Store, has_store, open_store
from data.commands import reports_errors
from training.corpus.versions import Pointer, VersionDamaged, pull
from training.tracking.bundles import fetch_bundle
from training.tracking.client import TrackingFailed
from training.tracking.registry import Registry

_API_SECONDS = 5.0
_VERDICTS = {"passed": "green", "warned": "yellow", "refused": "red"}

app = typer.Typer(add_completion=False, pretty_exceptions_enable=False)


@dataclass(frozen=True, slots=True)
class Restored:
    """A version restored into folders: its bundle and its corpus."""

    version: ModelVersion
    bundle: Path
    corpus: Path


def served_digest(store: Store | None, api: str) -> str:
    """Return the digest of the serving bundle, from the API or, without its URL, serving.json; empty if unknown."""
    if api:
        try:
            headers = ApiClientSettings().headers()
            request = Request(api.rstrip("/") + "/version", headers=headers)  # noqa: S310
            return str(json.loads(REAL.fetch(request, _API_SECONDS))["bundle_digest"])
        except (URLError, OSError, ValueError, KeyError) as error:
            raise ChatbotError(f"{api}/version did not return the serving version: {error}") from error
    ref = desired_model.read(store).ref if store is not None else None
    return ref.digest if ref else ""


def restore(
    registry: Registry,
    settings: StorageSettings,
    number: str,
    folder: Path,
    *,
    commit: str = "",
    corpus: str = "",
) -> Restored:
    """Restore a version into `folder`, as `bundle/` and `corpus/`, verifying each against its digest.

    Content with the right digest is kept. `commit` and `corpus` are what is expected, or a prefix of it; empty: any.

    Raises:
        TrackingFailed: the version does not exist, or its commit or corpus differs from the expected one.
        BundleError: the restored bundle does not match its digest.
        VersionDamaged: the restored corpus does not match its digest; the text names the objects.
    """
    version = registry.get(number)
    for what, wanted, found in (
        ("built from commit", commit, version.git_commit),
        ("trained on corpus", corpus, version.corpus_digest),
    ):
        if wanted and not found.startswith(wanted):
            raise TrackingFailed(f"version {number} was {what} {found or '(unknown)'}, not {wanted}")
    bundle = folder / "bundle"
    if not bundle_store.sound(bundle, version.bundle_digest, version.made_digest):
        got = fetch_bundle(open_store(settings), registry, version, folder / ".bundles")
        shutil.rmtree(bundle, ignore_errors=True)
        got.rename(bundle)
    shutil.rmtree(folder / ".bundles", ignore_errors=True)
    pointer = Pointer.parse(version.corpus_pointer)
    if pointer.corpus_digest != version.corpus_digest:
        raise VersionDamaged(
            f"version {number} was trained on {version.corpus_digest}, but its pointer names {pointer.corpus_digest}"
        )
    return Restored(version, bundle, pull(settings, pointer, folder / "corpus"))


@app.callback(invoke_without_command=True)
@reports_errors(ValidationError)
def main(
    context: typer.Context,
    api: Annotated[str, typer.Option(help="Ask this API what serves, such as http://127.0.0.1:3000.")] = "",
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON to standard output.")] = False,
) -> None:
    """List all versions: corpus, scores, gate verdict, and which one serves."""
    if context.invoked_subcommand is not None:
        return
    settings = StorageSettings()
    versions = Registry(TrackingSettings()).versions()
    serves = served_digest(open_store(settings) if has_store(settings) else None, api)
    if as_json:
        typer.echo(json.dumps([_as_dict(version, serves) for version in versions], indent=2))
        return
    if not versions:
        Console().print("no version is registered yet: python -m training.retrain --first")
        return
    print_versions(Console(), versions, serves)


@app.command("restore")
@reports_errors(ValidationError)
def restore_command(
    number: Annotated[str, typer.Argument(metavar="VERSION", help="The version's number.")],
    out: Annotated[Path, typer.Option(help="The folder; gets bundle/ and corpus/.")] = Path(
        "models/restored"
    ),
    commit: Annotated[str, typer.Option(help="Expected git commit, or its first digits.")] = "",
    corpus: Annotated[str, typer.Option(help="Expected corpus digest, or its first digits.")] = "",
) -> None:
    """Restore a version's bundle and corpus, and print the commit to check out."""
    console = Console(stderr=True)
    registry = Registry(TrackingSettings())
    with console.status(f"version {number}"):
        back = restore(registry, StorageSettings(), number, out / number, commit=commit, corpus=corpus)
    table = Table(title=f"version {back.version.number}", show_header=False)
    table.add_row("bundle", f"{back.bundle} ({back.version.bundle_digest[:12]}…, checked)")
    table.add_row("corpus", f"{back.corpus} ({back.version.corpus_digest}, checked)")
    at = back.version.git_commit
    clean = at.removesuffix("-dirty")
    table.add_row("code", f"git checkout {clean}" if clean else "the commit is unknown")
    if at != clean:
        table.add_row("", "with uncommitted changes: the commit does not contain all of the code")
    table.add_row("serve it", f"CHATBOT_BUNDLE={back.bundle} python -m bento")
    promote = f"python -m training.promote {back.version.number}, or python -m k8s.rollback"
    table.add_row("promote it", promote)
    Console().print(table)


def print_versions(console: Console, versions: list[ModelVersion], serves: str) -> None:
    """Print two tables that fit 80 columns: state and scores, and provenance."""

    def table(title: str, *columns: Column) -> Table:
        return Table(
            *columns, title=title, title_justify="left", box=box.SIMPLE, padding=(0, 1), pad_edge=False
        )

    def fixed(*names: str, justify: JustifyMethod = "left") -> list[Column]:
        return [Column(name, justify=justify, no_wrap=True) for name in names]

    shown = fixed(*scores.MAIN, justify="right")
    state = table("versions, newest first", *fixed("version", "gate"), *shown, Column("is"))
    provenance = table("made from", *fixed("version", "bundle", "corpus", "commit", "created"))
    for version in versions:
        is_serving = _as_dict(version, serves)["serves"]
        state.add_row(
            version.number,
            Text(version.verdict or "-", style=_VERDICTS.get(version.verdict, "")),
            *(scores.shown(version.scores.get(score)) for score in scores.MAIN),
            ", ".join((*version.aliases, *(["serves"] if is_serving else []))),
        )
        provenance.add_row(
            version.number,
            version.bundle_digest[:12],
            version.corpus_digest[:12],
            version.git_commit[:12] + ("+" if version.git_commit.endswith("-dirty") else ""),
            f"{version.created:%Y-%m-%d %H:%M}",
        )
    console.print(state, provenance)


def _as_dict(version: ModelVersion, serves: str) -> dict[str, Any]:
    return {
        "version": version.number,
        "bundle_digest": version.bundle_digest,
        "corpus_digest": version.corpus_digest,
        "git_commit": version.git_commit,
        "created": version.created.isoformat(timespec="seconds"),
        "scores": dict(version.scores),
        "gate": version.verdict,
        "aliases": list(version.aliases),
        "serves": bool(serves) and version.bundle_digest == serves,
    }


if __name__ == "__main__":
    app()
