"""A message in a language that the bot was not trained on is handed over, with a reply in that language."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from chatbot.dialog.language import LANGUAGES, NAMES, foreign_language, spoken_languages
from chatbot.dialog.language_texts import TEXTS
from chatbot.dialog.message import OUT_OF_SCOPE, clean
from chatbot.dialog.replies import Replies, ReplyText
from chatbot.dialog.router import CLARIFY, HUMAN, Alternative, Prediction, Router, Thresholds
from chatbot.dialog.rules import Rules
from chatbot.model.bundle import Bundle
from chatbot.settings import RouterSettings, SlotSettings
from chatbot.word_lists import read_lists

FOLDER = Path(__file__).with_name("languages")
SURE = Prediction([Alternative("refund", 0.99), Alternative("track", 0.01)], 5.0)
UNSURE = Prediction([Alternative("refund", 0.2), Alternative("track", 0.1)], 5.0)
BETWEEN = Prediction([Alternative("refund", 0.5), Alternative("track", 0.4)], 5.0)
LANGUAGE_TEXTS = {"de": "Sprache verstehe ich", "fr": "pas encore cette langue", "es": "entiendo este idioma"}


def sentences(name: str) -> Iterator[tuple[str, str]]:
    """The kind and the text of each sentence."""
    kind = ""
    for line in (FOLDER / f"{name}.txt").read_text(encoding="utf-8").splitlines():
        if line.startswith("# "):
            kind = line.removeprefix("# ")
        else:
            yield kind, clean(line)


def router(*languages: str) -> Router:
    replies = Replies({name: ReplyText(response=f"the reply of {name}") for name in ("refund", "track")})
    thresholds = Thresholds(answer=0.8, clarify=0.7, scope=-1.0)
    return Router(Rules(()), replies, thresholds, SlotSettings().values(), languages=languages)


@pytest.mark.parametrize("language", ["de", "fr", "es"])
def test_98_percent_of_foreign_messages_are_handed_over_with_a_reply_in_their_language(language: str) -> None:
    """However sure the model is: it takes `Rechnung` for anything."""
    routed, all_sentences = router("en"), list(sentences(language))
    replies = [routed.after_model(text, SURE) for _, text in all_sentences]
    right = [r.source == "human" and LANGUAGE_TEXTS[language] in r.response for r in replies]
    assert len(right) >= 300
    assert sum(right) / len(right) >= 0.98
    kinds = {kind for kind, _ in all_sentences}
    for kind in kinds:
        among = [ok for ok, (its, _) in zip(right, all_sentences, strict=True) if its == kind]
        assert sum(among) / len(among) >= 0.9, kind


def test_other_latin_languages_are_handed_over_too() -> None:
    found = [foreign_language(text, ("en",)) for _, text in sentences("other")]
    assert sum(code is not None for code in found) / len(found) >= 0.98


def test_english_with_foreign_names_and_words_stays_english() -> None:
    taken = [text for _, text in sentences("en_with_foreign_names") if foreign_language(text, ("en",))]
    assert taken == []


LOANS = """y|urgent|URGENT!!|Impossible!|ta|color|solution|encore|voila|gratis|Le Creuset pan|L'Oréal|L’Oréal shampoo
en route|a la carte|à la carte|la roche-posay|D'Angelo vinyl|eau de toilette|Los Angeles
c'est la vie|Dove soap|SIM|hat|fur hat|Grande latte
ta mate|dark mode|links|bin|reservation|reception|refuse|suite|casa|solo|pendant|font|pour over|via|goodbye ai"""


@pytest.mark.parametrize("message", LOANS.replace("\n", "|").split("|"))
def test_a_word_or_name_that_english_shares_is_english(message: str) -> None:
    assert foreign_language(clean(message), ("en",)) is None


def test_published_english_messages_stay_english(shared_data: Path) -> None:
    """13,083 messages of Banking77, from which no word was taken."""
    import csv

    messages: list[str] = []
    for part in ("train", "test"):
        with (shared_data / "banking77" / f"{part}.csv").open(encoding="utf-8", newline="") as file:
            messages += [clean(row["text"]) for row in csv.DictReader(file)]
    taken = sum(foreign_language(message, ("en",)) is not None for message in messages)
    assert len(messages) == 13_083
    assert taken / len(messages) <= 0.005


def test_the_agents_summary_names_the_language() -> None:
    reply = router("en").after_model("Wo bleibt denn meine Bestellung?", SURE)
    assert (reply.intent, reply.handoff) == (OUT_OF_SCOPE, True)
    assert "seems to be in German" in reply.summary


def test_a_bot_that_was_taught_german_answers_german_and_hands_over_english() -> None:
    bot = router("de")
    assert bot.after_model("Wo bleibt denn meine Bestellung?", SURE).source == "model"
    handed = bot.after_model("where is my order, it should have been here by now", SURE)
    assert (handed.source, handed.response) == (
        "human",
        HUMAN.format(**SlotSettings().values()),
    )


def test_a_bot_of_several_languages_asks_back_and_hands_over_in_the_customers() -> None:
    bot = router("en", "de")
    assert bot.after_model("Wo bleibt denn meine Bestellung?", BETWEEN).response == TEXTS["de"].clarify
    assert bot.after_model("Wo bleibt denn meine Bestellung?", UNSURE).response.startswith("Das soll sich")
    assert bot.after_model("where is my order", BETWEEN).response == CLARIFY


def test_without_languages_none_is_handed_over_for_its_language() -> None:
    assert router().after_model("Wo bleibt denn meine Bestellung?", SURE).source == "model"


@pytest.mark.parametrize(
    ("setting", "expected"), [("", ("en",)), ("any", ()), ("en,de", ("en", "de")), ("fr", ("fr",))]
)
def test_a_setting_goes_before_the_languages_of_the_bundle(setting: str, expected: tuple[str, ...]) -> None:
    assert RouterSettings(languages=setting).spoken(("en",)) == expected


def test_the_languages_of_a_corpus_are_found_in_its_messages() -> None:
    texts = {name: [text for _, text in sentences(name)] for name in ("de", "fr", "en_with_foreign_names")}
    english = texts["en_with_foreign_names"]
    assert spoken_languages(english) == ("en",)
    assert spoken_languages(texts["de"]) == ("de",)
    assert set(spoken_languages([*english, *texts["fr"][:60]])) == {"en", "fr"}
    assert spoken_languages(["где моя посылка", "верните деньги"]) == ()


def test_a_word_list_is_read_by_its_name_without_comments_in_utf_8(tmp_path: Path) -> None:
    file = tmp_path / "words.txt"
    file.write_text("# of nobody\n[de]\nfür\n\n# not a word\nnach und\n[fr]\nété\n", encoding="utf-8")
    assert {name: text.split() for name, text in read_lists(file).items()} == {
        "de": ["für", "nach", "und"],
        "fr": ["été"],
    }


def test_every_language_has_a_name_and_every_text_its_slots() -> None:
    assert set(NAMES) == set(LANGUAGES)
    slots = SlotSettings().values()
    for texts in TEXTS.values():
        for text in (texts.foreign, texts.human, texts.clarify):
            assert set(re.findall(r"\{(\w+)\}", text)) <= set(slots)
        assert set(re.findall(r"\{(\w+)\}", texts.default_reply)) == {"title", "help_url", "support_email"}


def test_a_message_costs_less_than_normalizing_it_a_hundred_times() -> None:
    """A ratio: 50 microseconds are measured on a quiet machine (docs/results.d)."""
    texts = [text for name in ("de", "en_with_foreign_names") for _, text in sentences(name)]

    def seconds(work: object) -> float:
        assert callable(work)
        best = float("inf")
        for _ in range(5):
            began = time.process_time()
            for text in texts:
                work(text)
            best = min(best, time.process_time() - began)
        return best

    def identify(text: str) -> None:
        foreign_language(text, ("en",))

    assert seconds(identify) < 100 * seconds(clean)


def test_the_service_routes_by_the_languages_of_its_bundle(bundle: Bundle) -> None:
    taught = replace(bundle, manifest=bundle.manifest.model_copy(update={"languages": ("en",)}))
    message = "Newsletter abbestellen, bitte sofort"
    reply = taught.router(RouterSettings(), SlotSettings()).after_model(message, sure_of(bundle))
    assert (reply.source, reply.intent) == ("human", OUT_OF_SCOPE)
    answered = taught.router(RouterSettings(languages="any"), SlotSettings()).after_model(
        message, sure_of(bundle)
    )
    assert answered.source == "model"


def sure_of(bundle: Bundle) -> Prediction:
    """A prediction that is answered."""
    return Prediction([Alternative(bundle.manifest.labels[0], 1.0)], 100.0)
