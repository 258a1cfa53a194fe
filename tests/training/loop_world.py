"""A small bot in a world of its own: a corpus, its bundle, a store, a registry; retrained as the product does it."""

from __future__ import annotations

import os
import shutil
import sqlite3
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cached_property
from pathlib import Path

import pytest
from rich.console import Console

from chatbot.dialog.rules import Rules
from chatbot.loop.registry import ModelVersion
from chatbot.loop.retrain_result import RetrainResult
from chatbot.settings import RetrainSettings, StorageSettings, TrackingSettings
from chatbot.store import Store, open_store
from data.folder import read_intents
from data.process import run as process_run
from data.processing import ProcessParams
from tests.training import warm
from tests.training.remembered import Trainings, load_rules
from training.corpus import dvc, versions
from training.corpus.reading import read
from training.corpus.versions import Pointer
from training.gate.params import GateParams
from training.model.params import TrainParams
from training.model.train import train
from training.progress import Steps
from training.retraining import bootstrap as bootstrapping
from training.retraining import run as retraining
from training.retraining.bootstrap import bootstrap
from training.retraining.config import LEASE, RetrainConfig
from training.retraining.run import retrain
from training.review.decisions import DecisionKind, Decisions, NewIntent, ReviewDecision
from training.tracking.client import connected
from training.tracking.registry import Registry

ROOT = Path(__file__).resolve().parents[2]
INTENTS = ("cancel_order", "get_refund", "track_order", "recover_password", "delete_account", "get_invoice")
DATABASE = "mlflow.db"
GIFT = "gift_card"
# A product missing from the corpus.
GIFTS = tuple(
    f"{start} gift {what}{end}"
    for start in (
        "how do I use my",
        "where can I buy a",
        "my friend gave me a",
        "can I pay with a",
        "please activate my",
    )
    for what in ("card", "voucher", "card code")
    for end in ("", " please", " online", " today?")
)


@dataclass(frozen=True)
class SmallBot:
    """What a corpus became: made once for all tests."""

    corpus: Path
    processed: Path
    bundle: Path
    digest: str


def make_small_bot(folder: Path) -> SmallBot:
    """Six intents of what ships, and what is out of scope, trained."""
    corpus = folder / "corpus"
    (corpus / "intents").mkdir(parents=True)
    for intent in read_intents(ROOT / "data" / "corpus"):
        if intent.intent in (*INTENTS, "out_of_scope"):
            text = intent.path.read_text(encoding="utf-8").splitlines(keepends=True)
            # With fewer than ENOUGH_OWN out-of-scope messages, each training encodes 1,500 of the generic pool.
            lines = 120 if intent.intent == "out_of_scope" else 90
            (corpus / "intents" / intent.path.name).write_text("".join(text[:lines]), encoding="utf-8")
    process_run(corpus, folder / "processed", ProcessParams())
    trained = train_bundle(folder / "processed", corpus, folder / "bundle")
    return SmallBot(corpus, folder / "processed", folder / "bundle", trained)


def train_bundle(processed: Path, replies: Path, out: Path) -> str:
    """The bundle's digest."""
    with Steps(Console(quiet=True)) as steps:
        return train(
            read(processed / "corpus.parquet", ProcessParams()),
            out,
            TrainParams(),
            steps,
            ROOT / "data" / "corpus" / "rules.yaml",
            replies,
            ROOT / ".cache" / "encoders",
        ).digest


def quicken(patch: pytest.MonkeyPatch, trainings: Trainings | None = None) -> None:
    """Let DVC run in warm processes, and remember rules, trainings and verdicts of the gate."""
    patch.setattr(dvc, "call", warm.dvc)
    patch.setattr(Rules, "load", load_rules)
    if trainings is not None:
        patch.setattr(retraining, "train", trainings.train)
        for module in (bootstrapping, retraining):
            patch.setattr(module, "judge_corpora", trainings.judge)


class World:
    """One store and one registry."""

    def __init__(
        self, bot: SmallBot, store: StorageSettings, tracking: TrackingSettings, folder: Path
    ) -> None:
        self.bot = bot
        self.config = RetrainConfig(
            store,
            tracking,
            RetrainSettings(lease_seconds=3),
            ProcessParams(),
            TrainParams(),
            GateParams(),
            folder / "work",
            ROOT / ".cache" / "encoders",
        )
        self.folder = folder

    @cached_property
    def store(self) -> Store:
        # A client takes 30 ms to make, and a scenario asks for one some sixty times.
        return open_store(self.config.store)

    @property
    def registry(self) -> Registry:
        return Registry(self.config.tracking)

    def first(self) -> tuple[ModelVersion, bool]:
        with Steps(Console(quiet=True)) as steps:
            return bootstrap(self.config, steps, self.bot.bundle, self.bot.corpus)

    def retrain(self) -> RetrainResult:
        with Steps(Console(quiet=True)) as steps:
            return retrain(self.config, steps)

    def accept(
        self, source_id: str, message: str, intent: str, verdict: DecisionKind = DecisionKind.CORRECT
    ) -> None:
        """What a person decides in the review."""
        when = datetime(2026, 11, 1, tzinfo=UTC)
        decision = ReviewDecision(
            item_id=source_id, message=message, verdict=verdict, intent=intent, reviewer="kim", when=when
        )
        Decisions(self.store).decide(decision)

    def accept_gifts(self) -> None:
        """A new intent with its reply, and sixty messages of it."""
        when = datetime(2026, 11, 1, tzinfo=UTC)
        Decisions(self.store).make_intent(
            NewIntent(intent=GIFT, reply="Gift cards: {help_url}", category="GIFT", reviewer="kim", when=when)
        )
        for number, message in enumerate(GIFTS):
            self.accept(f"p{number:03}", message, GIFT, DecisionKind.NEW_INTENT)

    def environment(self) -> dict[str, str]:
        """For a process of its own."""
        store, tracking = self.config.store, self.config.tracking
        return {
            **os.environ,
            "PYTHONPATH": str(ROOT),
            "COLUMNS": "200",
            "CHATBOT_STORE_URL": store.url,
            "CHATBOT_STORE_ENDPOINT": store.endpoint,
            "CHATBOT_RETRAIN_LEASE_SECONDS": "3",
            "MLFLOW_TRACKING_URI": tracking.tracking_uri,
            "MLFLOW_MODEL": tracking.model,
            "MLFLOW_EXPERIMENT": tracking.experiment,
            "MLFLOW_UNSENT": str(tracking.unsent),
        }

    def command(self, module: str, *arguments: str, **around: str) -> warm.Command:
        """`python -m training.retrain` and the like, as a Job runs it."""
        return warm.Command(module, arguments, ROOT, self.environment() | around)

    def runs(self) -> list[tuple[str, str]]:
        """Names and states of all runs."""
        with connected(self.config.tracking) as client:
            found = client.get_experiment_by_name(self.config.tracking.experiment)
            assert found is not None
            runs = client.search_runs([found.experiment_id])
        return [(run.info.run_name, run.info.status) for run in runs]

    def keys(self, prefix: str = "") -> dict[str, str]:
        """What the store holds, but for the lease: its ETags by key."""
        return {entry.key: entry.etag for entry in self.store.list(prefix) if entry.key != LEASE}

    def corpus_of(self, number: str) -> Path:
        """A version's corpus, pulled."""
        pointer = Pointer.parse(self.registry.get(number).corpus_pointer)
        return versions.pull(self.config.store, pointer, self.folder / f"corpus-{number}")


def local_world(bot: SmallBot, folder: Path, database: Path) -> World:
    """Return a world without servers: a folder as the store, and a copy of MLflow's empty database as the registry."""
    folder.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(database, folder / DATABASE)
    return _in_folder(bot, folder)


def copied_world(bot: SmallBot, of: Path, folder: Path) -> World:
    """Return a copy of the local world in the folder `of`, with what was registered in it."""
    for name in ("store", "artifacts"):
        shutil.copytree(of / name, folder / name)
    shutil.copyfile(of / DATABASE, folder / DATABASE)
    places = ((of / "artifacts").as_uri(), (folder / "artifacts").as_uri())
    with closing(sqlite3.connect(folder / DATABASE)) as database, database:
        database.execute(
            "UPDATE experiments SET artifact_location = replace(artifact_location, ?, ?)", places
        )
        database.execute("UPDATE runs SET artifact_uri = replace(artifact_uri, ?, ?)", places)
        database.execute(
            "UPDATE model_versions SET storage_location = replace(storage_location, ?, ?)", places
        )
    return _in_folder(bot, folder)


def _in_folder(bot: SmallBot, folder: Path) -> World:
    store = StorageSettings(url=str(folder / "store"))
    tracking = TrackingSettings(tracking_uri=f"sqlite:///{folder / DATABASE}", unsent=folder / "unsent")
    return World(bot, store, tracking, folder)
