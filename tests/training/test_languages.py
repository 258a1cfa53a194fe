"""Training in other languages than English: default replies, the pool, and a multilingual encoder end to end."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest
from rich.console import Console

from chatbot.dialog.message import OUT_OF_SCOPE
from chatbot.settings import RouterSettings, SlotSettings
from data.processing import ProcessParams
from tests.training import multilingual
from training.corpus.reading import read, replies_for
from training.model.encoder.export import DEFAULT_ENCODER
from training.model.notices import language_notices
from training.model.operating_points import OutOfScope
from training.model.params import TrainParams
from training.model.train import train
from training.progress import Steps

ROOT = Path(__file__).resolve().parents[2]


@pytest.mark.parametrize(
    ("messages", "beginning"),
    [
        (["Wo ist mein Paket?", "Ich warte noch auf meine Lieferung"], "Es geht um: Paket."),
        (["Où est mon colis ?", "J'attends toujours ma livraison"], "Il s'agit de : Paket."),
        (["where is my parcel", "my order has not come yet"], "This is about: Paket."),
    ],
)
def test_the_default_reply_is_in_the_language_of_the_corpus(messages: list[str], beginning: str) -> None:
    rows = pd.DataFrame({"message": messages, "intent": "paket", "category": "", "source": "export.csv:1"})
    replies, missing, _ = replies_for(["paket"], None, rows)
    assert missing == ["paket"]
    assert replies["paket"].response.startswith(beginning)
    assert "{help_url}" in replies["paket"].response


def test_the_report_says_that_the_english_pool_is_not_used() -> None:
    assert "as it is in English: 120 messages of intents" in OutOfScope(3, unknown=120).sentence
    assert "no others are used instead" in OutOfScope(3, unknown=0).sentence
    assert "shipped generic pool are used" in OutOfScope(3, 1500, 20).sentence


def test_the_languages_are_a_parameter(tmp_path: Path) -> None:
    file = tmp_path / "params.yaml"
    file.write_text("train:\n  languages: [en, de]\n")
    assert TrainParams.read(file).languages == ("en", "de")
    file.write_text("train:\n  languages: []\n")
    assert TrainParams.read(file).languages == ()
    assert TrainParams().languages is None


@pytest.mark.process
@pytest.mark.certify
@pytest.mark.timeout(900)
def test_a_multilingual_encoder_works_from_corpus_to_reply(tmp_path: Path) -> None:
    """Its weights are random, so that little is answered; what is tested is that every part takes the languages."""
    file = tmp_path / "corpus.csv"
    multilingual.write_corpus(file)
    params = TrainParams(encoder=str(multilingual.make_encoder(tmp_path)))
    with Steps(Console(quiet=True)) as steps:
        trained = train(
            read(file, ProcessParams()),
            tmp_path / "bundle",
            params,
            steps,
            ROOT / "data" / "corpus" / "rules.yaml",
            None,
            tmp_path / "cache",
        )
    assert set(trained.manifest.languages) == set(multilingual.LANGUAGES)
    assert "not used, as it is in English" in trained.points.out_of_scope.sentence
    from chatbot.model import bundle as bundles

    made = bundles.load(tmp_path / "bundle")
    router = made.router(RouterSettings(), SlotSettings())

    def answer(message: str) -> tuple[str, str]:
        reply = router.after_model(message, made.predict([message])[0])
        return reply.intent, reply.response

    german, french = answer("Wo ist denn mein Paket?"), answer("Où est donc mon colis ?")
    assert OUT_OF_SCOPE not in (german[0], french[0])
    assert german[1] != french[1], "each is asked in its own language"
    assert answer("could you please tell me where my order is")[0] == OUT_OF_SCOPE


@pytest.mark.parametrize(
    ("messages", "named"),
    [
        (["Wo ist mein Paket geblieben?", "Ich möchte die Schuhe zurückschicken"], "German"),
        (["où est mon colis ?", "je veux être remboursé pour la robe", "where is my parcel"], "French"),
        (["где моя посылка", "верните деньги"], "another script"),
        (
            ["where is my parcel", "i want my money back", "我的包裹在哪里"],
            "1 of 3 messages (33%) are in a language with",
        ),
        (["where is my parcel", "i want my money back", "Müller"], ""),
        (["refund", "track", "invoice"], ""),
    ],
)
def test_a_corpus_that_the_shipped_encoder_does_not_understand_is_named(
    messages: list[str], named: str
) -> None:
    said = " ".join(notice.reason for notice in language_notices(DEFAULT_ENCODER, messages))
    assert named in said
    assert bool(said) == bool(named)
    assert ("--encoder paraphrase-multilingual" in said) == bool(named)
    assert language_notices("paraphrase-multilingual-MiniLM-L12-v2", messages) == []
