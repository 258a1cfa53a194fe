"""The gate on two real bundles: verdict, page, command."""

from __future__ import annotations

import json
import os
import re
import subprocess
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from rich.console import Console

from chatbot.dialog.rules import Rules
from chatbot.model import bundle as bundles
from chatbot.model.bundle import Bundle
from data.messages import row_hash
from data.processing import read_processed
from tests.training import warm
from tests.training.remembered import load_rules
from training.corpus.reading import Corpus
from training.gate.judge import NothingToCompare, judge, judge_corpora, judge_folders, mark_new
from training.gate.params import GateParams
from training.gate.report.render import page, write_verdict
from training.model.params import TrainParams
from training.model.train import train
from training.progress import Steps

pytestmark = pytest.mark.process

ROOT = Path(__file__).resolve().parents[2]
INTENTS = (
    "cancel_order",
    "get_refund",
    "recover_password",
    "newsletter_subscription",
    "track_order",
    "review",
)
LATER = "delivery_period"
ROWS = 120
"""Of each intent, and of what is out of scope: as many as a judgement needs."""


@pytest.fixture(autouse=True)
def _rules_are_compiled_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Rules, "load", load_rules)


def shipped(*intents: str) -> pd.DataFrame:
    rows = read_processed(ROOT / "data" / "processed" / "corpus.parquet")
    rows = rows[rows["intent"].isin([*intents, "out_of_scope"])]
    return rows.groupby("intent").head(ROWS).reset_index(drop=True)


def trained(rows: pd.DataFrame, out: Path) -> Path:
    """A real bundle of some rows."""
    rules, cache = ROOT / "data" / "corpus" / "rules.yaml", ROOT / ".cache" / "encoders"
    with Steps(Console(quiet=True)) as steps:
        train(Corpus(rows, "made for a test"), out, TrainParams(), steps, rules, None, cache)
    return out


@pytest.fixture(scope="module")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A processed corpus of seven intents, the last of which the champion does not know."""
    file = tmp_path_factory.mktemp("corpus") / "corpus.parquet"
    shipped(*INTENTS, LATER).to_parquet(file, index=False)
    return file


@pytest.fixture(scope="module")
def champion(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return trained(shipped(*INTENTS), tmp_path_factory.mktemp("champion") / "bundle")


@pytest.fixture(scope="module")
def challenger(corpus: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return trained(read_processed(corpus), tmp_path_factory.mktemp("challenger") / "bundle")


@pytest.fixture(scope="module")
def spoilt(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Train half of cancel_order as get_refund, without the review intent."""
    return trained(spoilt_rows(), tmp_path_factory.mktemp("spoilt") / "bundle")


def spoilt_rows() -> pd.DataFrame:
    rows = shipped(*INTENTS)
    rows = rows[rows["intent"] != "review"].reset_index(drop=True)
    moved = rows.index[rows["intent"] == "cancel_order"][::2]
    rows.loc[moved, "intent"] = "get_refund"
    rows.loc[moved, "row_hash"] = [row_hash(message, "get_refund") for message in rows.loc[moved, "message"]]
    return rows


@pytest.fixture(scope="module")
def frozen(corpus: Path) -> pd.DataFrame:
    """Some rows, predicted by the bundles themselves although they learned from them."""
    return mark_new(read_processed(corpus)[::5], shipped(*INTENTS))


def gate(*arguments: str, columns: str = "200") -> subprocess.CompletedProcess[str]:
    around = {**os.environ, "PYTHONPATH": str(ROOT), "COLUMNS": columns}
    return warm.run("training.gate", arguments, ROOT, around, 120)


def test_a_challenger_with_a_new_intent_is_accepted_and_the_new_one_judged_apart(
    champion: Path, challenger: Path, corpus: Path
) -> None:
    rows = read_processed(corpus)
    verdict = judge_corpora(champion, challenger, shipped(*INTENTS), rows)
    assert verdict.passed, verdict.sentence
    [new] = verdict.check("new_intents").rows
    assert new["intent"] == LATER
    assert new["messages"] == int((rows["intent"] == LATER).sum())
    assert LATER not in [row["name"] for row in verdict.check("intents").rows]
    assert verdict.champion is not None
    assert (verdict.champion.digest, verdict.challenger.digest) == tuple(
        bundles.verify(folder) for folder in (champion, challenger)
    )


def test_only_rows_that_the_champions_corpus_lacks_are_new(frozen: pd.DataFrame) -> None:
    assert set(frozen[frozen["new"]]["intent"]) == {LATER}
    assert not mark_new(frozen, None)["new"].any()


def test_a_challenger_that_lost_an_intent_is_refused_by_name(champion: Path, spoilt: Path) -> None:
    verdict = judge_corpora(champion, spoilt, shipped(*INTENTS), spoilt_rows())
    assert not verdict.passed
    assert "lost_intents" in verdict.refused_by
    assert [row["intent"] for row in verdict.check("lost_intents").rows] == ["review"]
    assert {"intents", "macro_f1"} & set(verdict.refused_by)
    assert verdict.check("intents").rows[0]["name"] == "cancel_order"


def test_messages_of_one_intent_accepted_as_another_in_other_words_are_refused(
    champion: Path, tmp_path: Path
) -> None:
    """Near-duplicates of the champion's rows are held out together with them, and the poison shows all the same."""
    before = shipped(*INTENTS)
    right = before[before["intent"] == "cancel_order"]
    poison = [right.assign(message=right["message"] + ending) for ending in (" now", " please", " today")]
    wrong = pd.concat(poison).assign(intent="get_refund", source="review:1")
    wrong["row_hash"] = wrong["group"] = [row_hash(message, "get_refund") for message in wrong["message"]]
    now = pd.concat([before, wrong], ignore_index=True)
    verdict = judge_corpora(champion, trained(now, tmp_path / "poisoned"), before, now)
    assert "intents" in verdict.refused_by
    assert verdict.check("intents").rows[0]["name"] == "cancel_order"


def test_a_first_version_is_warned_of_and_never_refused(spoilt: Path, frozen: pd.DataFrame) -> None:
    """Too large for its bound: the one thing that a version can be refused for all alone."""
    verdict = judge(
        None, bundles.load(spoilt), frozen, params=GateParams(max_megabytes=1), sizes=(60_000_000, None)
    )
    assert verdict.passed
    assert verdict.warned
    assert verdict.check("size").verdict == "warned"
    assert verdict.sentence.startswith("First version")


def test_a_first_version_without_out_of_fold_predictions_is_judged_on_what_taught_it_and_warned_of(
    champion: Path,
) -> None:
    """The messages of each of its intents are near-duplicates: no row can be held out."""
    rows = shipped(*INTENTS).iloc[::20].reset_index(drop=True)
    rows["row_hash"] = [f"other {row}" for row in rows.index]  # none of which has a prediction
    verdict = judge_corpora(None, champion, None, rows)
    assert verdict.passed
    assert verdict.check("learned").verdict == "warned"
    assert verdict.check("learned").numbers["rows"] == verdict.test_rows == len(rows)
    with pytest.raises(NothingToCompare, match="no rows to compare"):
        judge_corpora(champion, champion, rows, rows)


def test_the_same_bundles_and_messages_give_the_same_verdict(
    champion: Path, challenger: Path, frozen: pd.DataFrame
) -> None:
    loaded = bundles.load(champion), bundles.load(challenger)
    first, again = (judge(*loaded, frozen).as_dict() for _ in range(2))
    del first["made"], again["made"]
    assert first == again


def test_a_bundle_against_itself_changes_nothing(champion: Path, frozen: pd.DataFrame) -> None:
    verdict = judge_folders(champion, champion, frozen)
    assert verdict.passed
    assert verdict.check("known_messages").numbers["changed"] == 0
    assert verdict.check("macro_f1").numbers["difference"] == 0


def test_a_head_that_can_never_name_an_intent_has_emptied_it(champion: Path, frozen: pd.DataFrame) -> None:
    whole = bundles.load(champion)
    verdict = judge(whole, silenced(whole, "track_order"), frozen)
    assert "lost_intents" in verdict.refused_by
    assert [row["intent"] for row in verdict.check("lost_intents").rows] == ["track_order"]


def silenced(bundle: Bundle, intent: str) -> Bundle:
    """The bundle as it would be had the intent's messages all gone while its name stayed."""
    from training.model.head import NEVER

    head = bundle.classifier.head
    bias, weights = head.bias.copy(), head.weights.copy()
    column = bundle.manifest.labels.index(intent)
    bias[column], weights[:, column] = NEVER, 0
    classifier = replace(bundle.classifier, head=replace(head, bias=bias, weights=weights))
    return replace(bundle, classifier=classifier)


def test_behavioural_tests_of_intents_that_are_not_there_are_left_out(
    champion: Path, frozen: pd.DataFrame
) -> None:
    numbers = judge_folders(champion, champion, frozen).check("behaviour").numbers
    assert numbers["left_out"]
    assert numbers["tests"]


def test_messages_that_fit_neither_bundle_are_an_error_that_says_what_to_give(champion: Path) -> None:
    foreign = pd.DataFrame({"message": ["hello there"], "intent": ["greet"], "category": [""]})
    with pytest.raises(NothingToCompare, match="corpus that they were trained on"):
        judge_folders(champion, champion, foreign)


def test_the_command_accepts_writes_and_says_where(
    champion: Path, challenger: Path, corpus: Path, tmp_path: Path
) -> None:
    earlier = tmp_path / "earlier.parquet"
    shipped(*INTENTS).to_parquet(earlier, index=False)
    done = gate(
        *("--champion", str(champion), "--challenger", str(challenger), "--corpus", str(corpus)),
        *("--earlier", str(earlier), "--out", str(tmp_path / "gate")),
    )
    assert done.returncode == 0, done.stdout + done.stderr
    content = json.loads((tmp_path / "gate" / "gate.json").read_text())
    assert (content["verdict"], content["passed"], content["refused_by"]) == ("accepted", True, [])
    assert content["test_rows"] == len(read_processed(corpus))
    assert {"macro_f1", "intents", "slices", "calibration", "out_of_scope", "size"} <= {
        check["name"] for check in content["checks"]
    }
    assert (tmp_path / "gate" / "gate.html").is_file()
    assert "gate.html" in done.stdout


def test_the_command_refuses_with_a_code_of_its_own(champion: Path, spoilt: Path, tmp_path: Path) -> None:
    before, after = tmp_path / "before.parquet", tmp_path / "after.parquet"
    shipped(*INTENTS).to_parquet(before, index=False)
    spoilt_rows().to_parquet(after, index=False)
    done = gate(
        *("--champion", str(champion), "--challenger", str(spoilt), "--corpus", str(after)),
        *("--earlier", str(before), "--out", str(tmp_path)),
    )
    assert done.returncode == 3, done.stdout + done.stderr
    assert "Lost intents" in done.stdout
    assert json.loads((tmp_path / "gate.json").read_text())["verdict"] == "refused"


def test_the_command_names_an_invalid_bundle(tmp_path: Path) -> None:
    done = gate("--challenger", str(tmp_path), "--out", str(tmp_path / "gate"))
    assert done.returncode == 1
    assert "Traceback" not in done.stderr
    assert str(tmp_path) in done.stderr.replace("\n", "")
    assert not (tmp_path / "gate").exists()


def test_bounds_are_read_from_the_params_file(tmp_path: Path) -> None:
    file = tmp_path / "params.yaml"
    file.write_text("gate: {ece_margin: 0.5, retired: [review]}\ntrain: {seed: 1}\n")
    assert GateParams.read(file) == GateParams(ece_margin=0.5, retired=("review",))
    with pytest.raises(Exception, match="none"):
        GateParams.read(tmp_path / "none.yaml")
    file.write_text("gate: {ece_margin: much}\n")
    with pytest.raises(Exception, match=r"(?s)params.yaml.*ece_margin"):
        GateParams.read(file)


class Text(HTMLParser):
    """The page as a person reads it, and what it would fetch."""

    void = frozenset({"meta", "br"})

    def __init__(self, html: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.words: list[str] = []
        self.fetched: list[str] = []
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag not in self.void:
            self.open.append(tag)
        self.fetched += [value or "" for name, value in attrs if name in {"src", "href"}]

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if "style" not in self.open:
            self.words.append(data)


def test_the_page_holds_every_check_and_fetches_nothing(
    champion: Path, spoilt: Path, frozen: pd.DataFrame, tmp_path: Path
) -> None:
    verdict = judge_folders(champion, spoilt, frozen)
    write_verdict(verdict, tmp_path)
    html = (tmp_path / "gate.html").read_text(encoding="utf-8")
    read = Text(html)
    assert read.open == []
    assert read.fetched == []
    assert "<script" not in html
    assert not re.search(r"url\(|@import", html)
    words = "".join(read.words)
    assert "Challenger refused" in words
    for check in verdict.checks:
        assert check.title in words
        assert check.sentence in words
    assert verdict.challenger.version in words
    assert "cancel_order" in words


def test_a_message_that_looks_like_html_is_shown_and_not_run(champion: Path, frozen: pd.DataFrame) -> None:
    whole = bundles.load(champion)
    hostile = "<script>alert(1)</script> cancel my order & track it"
    rows = frozen.head(60).assign(message=hostile, intent="track_order", new=False)
    made = page(judge(whole, silenced(whole, "cancel_order"), rows))
    assert "<script" not in made
    assert "&lt;script&gt;alert(1)" in made


def test_a_verdict_is_json_without_nan(champion: Path, frozen: pd.DataFrame) -> None:
    verdict = judge_folders(champion, champion, frozen[frozen["intent"] != "out_of_scope"])
    assert verdict.check("out_of_scope").verdict == "unjudged"
    assert np.isfinite(verdict.check("calibration").numbers["ece"])  # type: ignore[arg-type]
    json.dumps(verdict.as_dict(), allow_nan=False)
