"""A corpus that an operator gives to a deployment: read from a file or the store, trained once, then kept."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pandas as pd
import pytest
from rich.console import Console
from typer.testing import CliRunner

from chatbot.dialog.replies import Replies
from chatbot.errors import SettingError
from chatbot.loop.registry import CHALLENGER, CHAMPION, ModelVersion
from chatbot.settings import StorageSettings
from chatbot.store import open_store
from chatbot.store.lease import LeaseHeld
from data.columns import Columns
from data.declarations import Declared
from data.errors import CorpusError
from data.loading import COLUMNS
from data.messages import row_hash
from tests.training.loop_world import World
from training import retrain as command
from training.corpus.files import write_rows
from training.corpus.given import GivenCorpus, read_given
from training.progress import Steps
from training.retraining.revision import Champion, revise
from training.retraining.run import RetrainResult, retrain
from training.review.declared import write_stored

ROWS = "text,intent\n" + "".join(
    f"{what} number {i},{intent}\n"
    for i in range(6)
    for what, intent in (("where is it", "track"), ("pay me", "refund"))
)


def given(folder: Path, corpus: str, replies: str = "", columns: Columns | None = None) -> GivenCorpus:
    storage = StorageSettings(url=str(folder / "store"))
    return read_given(corpus, replies, columns or Columns(), storage, folder / "fetched")


def test_a_corpus_and_its_replies_come_from_the_store(tmp_path: Path) -> None:
    store = open_store(StorageSettings(url=str(tmp_path / "store")))
    store.put("corpora/mine.csv", ROWS.encode())
    store.put("corpora/replies.csv", b"intent,reply\ntrack,Look here.\n")
    found = given(tmp_path, "store:corpora/mine.csv", "store:corpora/replies.csv")
    assert len(found.rows) == 12
    assert found.replies["track"].response == "Look here."


def test_an_object_that_is_not_in_the_store_is_named(tmp_path: Path) -> None:
    with pytest.raises(SettingError, match=r"no object corpora/mine\.csv: put it there"):
        given(tmp_path, "store:corpora/mine.csv")


def test_the_digest_follows_rows_and_replies_and_not_the_file(tmp_path: Path) -> None:
    header, *rows = ROWS.splitlines(keepends=True)
    texts = {
        "a.csv": ROWS,
        "b.csv": header + "".join(reversed(rows)),
        "c.tsv": ROWS.replace(",", "\t"),
        "d.csv": ROWS.replace("pay me", "pay us"),
    }
    for name, text in texts.items():
        (tmp_path / name).write_text(text)
    (tmp_path / "replies.yaml").write_text("track: Look here.\n")
    digests = [given(tmp_path, str(tmp_path / name)).digest for name in texts]
    digests.append(given(tmp_path, str(tmp_path / "a.csv"), str(tmp_path / "replies.yaml")).digest)
    assert digests[0] == digests[1] == digests[2]
    assert len(set(digests[2:])) == 3


def test_columns_can_be_named_and_a_wrong_file_is_refused_with_its_reasons(tmp_path: Path) -> None:
    file = tmp_path / "odd.csv"
    file.write_text(ROWS.replace("text,intent", "said,meant"))
    with pytest.raises(CorpusError, match="said"):
        given(tmp_path, str(file))
    assert len(given(tmp_path, str(file), columns=Columns("said", "meant")).rows) == 12


DECLARED = "renamed: {refund: get_refund}\ntarget: 0.03\n"


@pytest.fixture
def declaring(tmp_path: Path) -> Path:
    """A folder of intents, of which one is renamed in its declaration."""
    folder = tmp_path / "bot"
    (folder / "intents").mkdir(parents=True)
    for intent in ("track", "refund"):
        rows = [row.split(",") for row in ROWS.splitlines()[1:]]
        messages = "".join(f"  {message}\n" for message, label in rows if label == intent)
        text = f"intent: {intent}\nreply: About {intent}.\nmessages: |\n{messages}"
        (folder / "intents" / f"{intent}.yaml").write_text(text)
    (folder / "declared.yaml").write_text(DECLARED)
    return folder


def test_the_declared_changes_of_a_given_corpus_hold(declaring: Path, tmp_path: Path) -> None:
    row = row_hash("pay me number 1", "refund")
    (declaring / "decisions.csv").write_text(f"row_hash,decision\n{row},keep\n")
    found = given(tmp_path, str(declaring))
    assert found.replies["get_refund"].response == "About refund."
    assert not [warning for warning in found.report.warnings if "no intent" in str(warning)]
    assert found.kept == {row_hash("pay me number 1", "get_refund")}
    (tmp_path / "replies.yaml").write_text("refund: Here you are.\n")
    replaced = given(tmp_path, str(declaring), str(tmp_path / "replies.yaml"))
    assert replaced.replies["get_refund"].response == "Here you are."

    store = open_store(StorageSettings(url=str(tmp_path / "store")))
    write_stored(store, Declared(renamed={"get_refund": "money_back"}))
    revision = revise(store, None, found)
    assert revision.declared.target == 0.03
    assert revision.declared.now("refund") == "money_back"
    assert revision.changed.kept == {row_hash("pay me number 1", "money_back")}


def test_another_target_alone_makes_another_corpus(declaring: Path, tmp_path: Path) -> None:
    before = given(tmp_path, str(declaring)).digest
    (declaring / "declared.yaml").write_text(DECLARED.replace("0.03", "0.05"))
    assert given(tmp_path, str(declaring)).digest != before


def test_a_later_retraining_knows_what_was_declared_with_the_corpus(tmp_path: Path) -> None:
    rows = pd.DataFrame([("a", "get_refund", "", "my.csv:2", "")], columns=list(COLUMNS), dtype="str")
    write_rows(rows, tmp_path / "rows.parquet")
    (tmp_path / "replies.yaml").write_text(Replies({}).dump())
    (tmp_path / "declared.yaml").write_text(DECLARED)
    version = ModelVersion("1", "", datetime(2026, 11, 1, tzinfo=UTC))
    champion = Champion(version, tmp_path, rows, tmp_path)
    store = open_store(StorageSettings(url=str(tmp_path / "store")))
    revision = revise(store, champion, None)
    assert revision.own == revision.declared == Declared(renamed={"refund": "get_refund"}, target=0.03)
    write_stored(store, Declared(target=0.04))
    revision = revise(store, champion, None)
    assert (revision.declared.target, revision.own.target) == (0.04, 0.03)


def test_a_given_corpus_waits_until_another_retraining_has_ended(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As `busy` it would be dropped: the Job that gave it would be complete."""
    held = [LeaseHeld("the lease is held by another"), LeaseHeld("the lease is held by another")]

    def retrain(_config: object, _steps: Steps, corpus: GivenCorpus | None) -> RetrainResult:
        if held:
            raise held.pop()
        assert corpus is not None
        return RetrainResult(outcome="accepted", why=corpus.digest)

    monkeypatch.setattr(command, "retrain", retrain)
    monkeypatch.setenv("CHATBOT_STORE_URL", str(tmp_path / "store"))
    (tmp_path / "mine.csv").write_text(ROWS)
    out = tmp_path / "retrain.json"
    done = CliRunner().invoke(command.main, ["--from", str(tmp_path / "mine.csv"), "--out", str(out)])
    assert done.exit_code == 0, done.output
    assert done.stderr.count("the lease is held by another: the given corpus waits") == 2
    result = RetrainResult.load(out)
    assert (result.outcome, result.why) == ("accepted", given(tmp_path, str(tmp_path / "mine.csv")).digest)


@pytest.mark.long
def test_the_first_version_is_trained_from_the_corpus_once_and_a_changed_one_is_gated(
    world: World, tmp_path: Path
) -> None:
    """With a real MinIO and a real MLflow server, as the bootstrap Job does it."""

    def run(corpus: GivenCorpus) -> RetrainResult:
        with Steps(Console(quiet=True)) as steps:
            return retrain(world.config, steps, corpus)

    corpus = read_given(str(world.bot.corpus), "", Columns(), world.config.store, tmp_path)
    result = run(corpus)
    first = world.registry.champion()
    assert first is not None
    assert (result.outcome, result.challenger, result.champion) == ("accepted", str(first.ref), None)
    assert (first.number, first.aliases, result.only_unset) == ("1", (CHAMPION,), True)
    assert first.verdict in ("passed", "warned"), "without a champion the gate warns"
    pulled = world.corpus_of("1")
    assert Replies.load(pulled / "replies.yaml")["get_refund"].response

    before = world.keys()
    again = run(corpus)
    assert "trained before, as version 1" in again.why
    assert (again.outcome, again.challenger, again.only_unset) == ("accepted", str(first.ref), True)
    assert world.keys() == before

    # A later retraining starts from this corpus.
    world.accept_gifts()
    retrained = world.retrain()
    assert (retrained.outcome, retrained.champion) == ("accepted", str(first.ref))
    challenger = world.registry.challenger()
    assert challenger is not None
    assert challenger.aliases == (CHALLENGER,)
