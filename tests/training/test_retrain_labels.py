"""Decisions on labels and declared changes reach the next version through a real retraining, and can be undone."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from chatbot.loop.registry import CHAMPION
from chatbot.model import bundle as bundles
from chatbot.store import layout
from data.decisions import LabelAction
from data.declarations import Declared
from data.messages import row_hash
from data.processing import read_processed
from tests.training.loop_world import INTENTS, World
from training.corpus.files import read_rows
from training.labels.findings import LabelFindings, SuspectLabel
from training.review.decisions import Decisions
from training.review.declared import write_stored
from training.review.labels import decide_label, label_item_id

if TYPE_CHECKING:
    import pandas as pd

pytestmark = [pytest.mark.long, pytest.mark.process]

OLD, NEW = "recover_password", "reset_password"


def decide(world: World, row: pd.Series, action: LabelAction, intent: str = "") -> str:
    suspect = SuspectLabel(
        row_hash=row["row_hash"], message=row["message"], label=row["intent"], better=intent, quality=0.1,
        source=row["source"], neighbours=(),
    )  # fmt: skip
    return decide_label(Decisions(world.store), suspect, action, "kim", intent, INTENTS).item_id


def test_decisions_and_a_renamed_intent_make_the_next_version_and_an_undone_decision_leaves_nothing(
    local: World,
) -> None:
    before = local.corpus_of("1")
    labelled = read_rows(before / "rows.parquet")
    moved = labelled[labelled["intent"] == "cancel_order"].iloc[0]
    dropped = labelled[labelled["intent"] == "get_refund"].iloc[0]
    decide(local, moved, LabelAction.MOVE, "get_refund")
    drop = decide(local, dropped, LabelAction.DROP)
    write_stored(local.store, Declared(renamed={OLD: NEW}))

    result = local.retrain()
    assert result.outcome == "accepted", result
    assert (result.corpus["moved"], result.corpus["dropped"], result.corpus["new_intents"]) == (1, 1, [])
    now = local.corpus_of("2")
    assert read_rows(now / "rows.parquet").equals(labelled), "decisions are applied again each time"
    corpus, earlier = read_processed(now), read_processed(before)
    hashes = set(corpus["row_hash"])
    assert row_hash(moved["message"], "get_refund") in hashes
    assert dropped["row_hash"] not in hashes
    renamed = corpus[corpus["intent"] == NEW]
    assert len(renamed) == (earlier["intent"] == OLD).sum()
    challenger = local.registry.get("2")
    bundle = bundles.load(local.registry.fetch("2", local.folder / "fetched"))
    assert set(bundle.manifest.labels) == {*INTENTS, NEW} - {OLD}
    assert bundle.replies[NEW].response == bundles.load(local.bot.bundle).replies[OLD].response
    gate = json.loads(local.store.get(f"reports/gate/{challenger.bundle_digest}/gate.json"))
    verdicts = {check["name"]: check["verdict"] for check in gate["checks"]}
    assert (verdicts["lost_intents"], verdicts["new_intents"]) == ("passed", "passed")
    assert LabelFindings.model_validate_json(local.store.get(layout.LABEL_FINDINGS)).rows > 0

    local.registry.set_alias(CHAMPION, "2")
    assert local.retrain().outcome == "needs_review"
    Decisions(local.store).reopen(drop, "kim")
    assert drop == label_item_id(dropped["row_hash"])
    assert local.retrain().corpus["dropped"] == 0
    assert dropped["row_hash"] in set(read_processed(local.corpus_of("3"))["row_hash"])
