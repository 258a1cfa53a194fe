"""A run on a given corpus that ended before the rollout is resumed; what was refused or judged otherwise is not."""

from __future__ import annotations

import shutil
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import cast

import pytest
from typer.testing import CliRunner

from chatbot.loop.registry import (
    BUNDLE_DIGEST,
    CHALLENGER,
    CHAMPION,
    CORPUS_DIGEST,
    GATE,
    GATE_AGAINST,
    GIVEN_CORPUS,
    ModelVersion,
)
from chatbot.loop.retrain_result import RetrainResult
from training import promote
from training import retrain as command
from training.retraining.resumption import trained_before
from training.tracking.registry import Registry

OLD, NEW = "0" * 32, "1" * 32


class MemoryRegistry:
    """The versions by number, and the aliases that were set."""

    def __init__(self, *versions: ModelVersion) -> None:
        self.there = {version.number: version for version in versions}

    def versions(self) -> list[ModelVersion]:
        return [self.there[number] for number in sorted(self.there, key=int, reverse=True)]

    def champion(self) -> ModelVersion | None:
        return next((one for one in self.versions() if CHAMPION in one.aliases), None)

    def set_alias(self, alias: str, number: str) -> None:
        self.there[number] = replace(self.there[number], aliases=(alias,))


def version(
    number: int, corpus: str, verdict: str = "passed", against: int = 0, alias: str = ""
) -> ModelVersion:
    tags = {
        BUNDLE_DIGEST: f"{number}" * 64, CORPUS_DIGEST: corpus, GATE: verdict, GIVEN_CORPUS: corpus,
        GATE_AGAINST: f"{against}" * 64,
    }  # fmt: skip
    return ModelVersion(
        str(number), "", datetime(2026, 11, number, tzinfo=UTC), (alias,) if alias else (), tags
    )


@pytest.mark.parametrize("verdict", ["passed", "warned"])
@pytest.mark.parametrize("alias", ["", CHALLENGER])
def test_an_accepted_corpus_whose_rollout_has_not_begun_is_the_challenger(verdict: str, alias: str) -> None:
    registry = MemoryRegistry(version(1, OLD, alias=CHAMPION), version(2, NEW, verdict, 1, alias))
    result = trained_before(cast("Registry", registry), NEW)
    first, second = registry.there["1"], registry.there["2"]
    assert result is not None
    assert (result.outcome, result.champion, result.challenger) == (
        "accepted",
        str(first.ref),
        str(second.ref),
    )
    assert (result.only_unset, result.gate["verdict"], second.aliases) == (False, verdict, (CHALLENGER,))


@pytest.mark.parametrize(
    "others",
    [
        pytest.param([version(2, NEW, "refused", 1)], id="refused"),
        pytest.param([version(2, NEW, against=7)], id="judged against another champion"),
        pytest.param(
            [version(2, NEW, against=1), version(3, "", against=1)], id="followed by another version"
        ),
    ],
)
def test_any_other_version_of_the_corpus_leaves_the_champion(others: list[ModelVersion]) -> None:
    registry = MemoryRegistry(version(1, OLD, alias=CHAMPION), *others)
    before = dict(registry.there)
    result = trained_before(cast("Registry", registry), NEW)
    assert result is not None
    assert (result.challenger, result.only_unset) == (str(registry.there["1"].ref), True)
    assert registry.there == before


@pytest.mark.parametrize(
    ("champion", "set_where_unset"),
    [
        pytest.param(version(7, "", against=1), True, id="retrained"),
        pytest.param(replace(version(7, OLD), tags={GIVEN_CORPUS: OLD}), True, id="of a given corpus"),
        pytest.param(replace(version(7, ""), tags={BUNDLE_DIGEST: "7" * 64}), False, id="of an image"),
        pytest.param(None, False, id="none"),
    ],
)
def test_the_bootstrap_of_an_image_names_a_retrained_champion_for_a_deployment_that_names_none(
    champion: ModelVersion | None, set_where_unset: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A release that is installed anew over its data has lost the annotation."""

    class Registry:
        def __init__(self, _settings: object) -> None:
            pass

        def champion(self) -> ModelVersion | None:
            return champion

    made = version(1, OLD), False
    monkeypatch.setattr(command, "bootstrap", lambda *_: made)
    monkeypatch.setattr(command, "Registry", Registry)
    last = tmp_path / command.RESULT
    last.parent.mkdir(parents=True)
    last.write_text("the last retraining's")
    shutil.copy("params.yaml", tmp_path)
    monkeypatch.chdir(tmp_path)
    assert CliRunner().invoke(command.main, ["--first"]).exit_code == 0
    assert last.read_text() == "the last retraining's", "it would read as a retraining that was accepted"
    out = tmp_path / "retrain.json"
    done = CliRunner().invoke(command.main, ["--first", "--out", str(out)])
    assert done.exit_code == 0, done.output
    result = RetrainResult.load(out)
    assert result.only_unset
    assert result.challenger == (str(champion.ref) if champion and set_where_unset else None)
    if result.challenger is None:
        monkeypatch.setenv("CHATBOT_STORE_URL", str(tmp_path / "store"))
        promoted = CliRunner().invoke(promote.main, ["--result", str(out)])
        assert promoted.exit_code == 0, promoted.output
        assert promoted.stderr.strip() == "nothing to promote: the image contains what is to serve"


def test_the_first_version_becomes_champion_and_an_unknown_corpus_is_trained() -> None:
    registry = MemoryRegistry(version(1, OLD))
    assert trained_before(cast("Registry", registry), NEW) is None
    result = trained_before(cast("Registry", registry), OLD)
    assert result is not None
    assert result.only_unset
    assert registry.there["1"].aliases == (CHAMPION,)
