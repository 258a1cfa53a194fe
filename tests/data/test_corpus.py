"""The corpus that ships is whole, clean, and the project's own."""

from __future__ import annotations

import re
from pathlib import Path

import pandas as pd
import pytest

from chatbot.dialog.message import OUT_OF_SCOPE
from chatbot.dialog.replies import fill, slots_of
from chatbot.settings import SlotSettings
from data.checks import check
from data.folder import IntentFile, read_intents
from data.loading import load_corpus
from data.messages import normalise

CORPUS = Path(__file__).resolve().parents[2] / "data" / "corpus"

CATEGORIES = {
    "ACCOUNT": "create_account delete_account edit_account switch_account recover_password "
    "registration_problems",
    "CANCEL": "check_cancellation_fee",
    "CONTACT": "contact_customer_service contact_human_agent",
    "DELIVERY": "delivery_options delivery_period",
    "FEEDBACK": "complaint review",
    "INVOICE": "check_invoice get_invoice",
    "ORDER": "cancel_order change_order place_order track_order",
    "PAYMENT": "check_payment_methods payment_issue",
    "REFUND": "check_refund_policy get_refund track_refund",
    "SHIPPING": "change_shipping_address set_up_shipping_address",
    "SUBSCRIPTION": "newsletter_subscription",
}


@pytest.fixture(scope="module")
def corpus() -> pd.DataFrame:
    return load_corpus(CORPUS)


@pytest.fixture(scope="module")
def intents() -> list[IntentFile]:
    return read_intents(CORPUS)


def test_it_has_the_intents_and_categories_that_are_named_here_and_what_is_out_of_scope(
    intents: list[IntentFile],
) -> None:
    found = {intent.intent: intent.category for intent in intents if intent.intent != OUT_OF_SCOPE}
    assert found == {name: category for category, names in CATEGORIES.items() for name in names.split()}
    assert OUT_OF_SCOPE in {intent.intent for intent in intents}
    assert all(intent.path.stem == intent.intent for intent in intents)


def test_those_of_bitext_are_among_its_intents_and_categories(
    corpus: pd.DataFrame, bitext: pd.DataFrame
) -> None:
    ours = corpus[corpus["intent"] != OUT_OF_SCOPE]
    assert set(zip(ours["intent"], ours["category"], strict=True)) >= set(
        zip(bitext["intent"], bitext["category"], strict=True)
    )


def test_each_intent_has_60_messages_at_least_and_300_are_out_of_scope(corpus: pd.DataFrame) -> None:
    counts = corpus["intent"].value_counts()
    assert counts[OUT_OF_SCOPE] >= 300
    few = counts[counts < 60]
    assert few.empty, f"under 60 messages: {few.to_dict()}"


def test_it_passes_its_own_checks_without_a_warning(corpus: pd.DataFrame) -> None:
    report = check(corpus, strict=True)
    assert report.ok, "\n".join(map(str, report.errors))
    assert not report.warnings, "\n".join(map(str, report.warnings))
    assert report.duplicates == 0


def test_no_message_occurs_twice_regardless_of_punctuation(corpus: pd.DataFrame) -> None:
    bare = corpus.assign(bare=corpus["message"].map(bared)).sort_values("bare")
    twice = bare[bare["bare"].duplicated(keep=False)]
    assert twice.empty, twice[["message", "intent", "source"]].to_string()


def test_no_message_holds_a_brace(corpus: pd.DataFrame) -> None:
    assert corpus[corpus["message"].str.contains("[{}]")].empty


def test_each_intent_has_a_reply_whose_slots_are_all_known(intents: list[IntentFile]) -> None:
    known = {name: str(field.default) for name, field in SlotSettings.model_fields.items()}
    for intent in intents:
        assert intent.description, f"{intent.path}: no description"
        if intent.intent == OUT_OF_SCOPE:
            assert not intent.reply
            continue
        assert intent.reply, f"{intent.path}: no reply"
        assert slots_of(intent.reply) <= set(known), intent.path
        assert not re.search("[{}]", fill(intent.reply, known, str(intent.path)))


def test_none_of_its_messages_is_one_of_bitexts(corpus: pd.DataFrame, bitext: pd.DataFrame) -> None:
    theirs = set(bitext["message"].map(bared))
    copied = corpus[corpus["message"].map(bared).isin(theirs)]
    assert copied.empty, copied[["message", "source"]].to_string()


def bared(message: str) -> str:
    """The normalised message without punctuation."""
    return " ".join(re.sub(r"[^\w\s]", "", normalise(message)).split())
